"""Compare a fleet with an implementation in JAX: ``python -m smallbatch.bench.peer_jax [OUT]``.

JAX is not a dependency: run ``pip install jax`` first. The implementation uses vmap over replicas
and lax.scan over updates, and compiles whole runs. Convolutions use XLA or im2col, whichever is
faster in a first update. Writes ``OUT-jax.csv``.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import csv
import functools
import statistics
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from smallbatch.bench.__main__ import COLUMNS, REPEATS, SECONDS
from smallbatch.bench.cases import (
    CASES,
    GHOST,
    IMAGES,
    RATE,
    Case,
    Updates,
    as_fleet,
    random_data,
    replicas,
)
from smallbatch.core import provenance
from smallbatch.training.fleet import set_up
from smallbatch.training.updates import batches


def xla_convolution(x, w, stride):
    return jax.lax.conv_general_dilated(
        x, w, (stride, stride), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def im2col_convolution(x, w, stride):
    height, width = x.shape[1:3]
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    columns = [
        x[:, i : i + height : stride, j : j + width : stride] for i in range(3) for j in range(3)
    ]
    return jnp.concatenate(columns, -1) @ w.reshape(-1, w.shape[-1])


def norm(x, layer, kind):
    if kind == "none":
        return x + layer["bias"]
    parts = x.reshape(-1, GHOST if kind == "ghost" else len(x), *x.shape[1:])
    mean, var = parts.mean((1, 2, 3), keepdims=True), parts.var((1, 2, 3), keepdims=True)
    return ((parts - mean) * jax.lax.rsqrt(var + 1e-5)).reshape(x.shape) * layer["scale"] + layer[
        "bias"
    ]


def max_pool(x):
    m, height, width, c = x.shape
    return x.reshape(m, height // 2, 2, width // 2, 2, c).max((2, 4))


def conv_net(p, x, kind, convolution):
    for layer in p["layers"]:
        x = max_pool(jax.nn.relu(norm(convolution(x, layer["w"], 1), layer, kind)))
    return x.reshape(len(x), -1) @ p["head"] + p["head_bias"]


def resnet8(p, x, kind, convolution):
    first, *rest = p["layers"]
    x = jax.nn.relu(norm(convolution(x, first["w"], 1), first, kind))
    for one, two in zip(rest[::2], rest[1::2], strict=True):
        stride = 1 if one["w"].shape[2] == one["w"].shape[3] else 2
        y = jax.nn.relu(norm(convolution(x, one["w"], stride), one, kind))
        y = norm(convolution(y, two["w"], 1), two, kind)
        if stride == 2:
            x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (x.shape[-1] // 2,) * 2))
        x = jax.nn.relu(x + y)
    return x.mean((1, 2)) @ p["head"] + p["head_bias"]


def parameters(case: Case, key):
    c = case.shape[0]
    if case.model == "conv":
        sizes, features = [(c, 8), (8, 16)], 16 * (case.shape[1] // 4) ** 2
    else:
        sizes, features = [(c, 16), (16, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)], 64
    keys = jax.random.split(key, len(sizes) + 1)
    layers = [
        {
            "w": jax.random.normal(k, (3, 3, a, b)) * (2 / (9 * a)) ** 0.5,
            "scale": jnp.ones(b),
            "bias": jnp.zeros(b),
        }
        for k, (a, b) in zip(keys[:-1], sizes, strict=True)
    ]
    return {
        "layers": layers,
        "head": jax.random.normal(keys[-1], (features, 10)) * 0.1,
        "head_bias": jnp.zeros(10),
    }


def peer(case: Case, data, convolution):
    """``updates(number)`` -> images per second, compiled for this number in an untimed run."""
    images = jnp.asarray(data.train.images.permute(0, 2, 3, 1).numpy())
    labels = jnp.asarray(data.train.labels.numpy())
    forward = conv_net if case.model == "conv" else resnet8
    p = jax.vmap(lambda key: parameters(case, key))(
        jax.random.split(jax.random.PRNGKey(0), replicas(case))
    )

    def loss(p, x, y):
        logits = jax.nn.log_softmax(forward(p, x, case.norm, convolution))
        return -jnp.take_along_axis(logits, y[:, None], 1).mean()

    gradients = jax.vmap(jax.grad(loss))

    @functools.partial(jax.jit)
    def run(p, order):
        def update(p, batch):
            found = gradients(p, images[batch], labels[batch])
            return jax.tree.map(lambda w, g: w - RATE * g, p, found), None

        return jax.lax.scan(update, p, order)[0]

    def updates(number: int) -> float:
        order = batches(list(range(replicas(case))), case.batch_size, IMAGES, 0, number).transpose(
            1, 0, 2
        )
        order = jnp.asarray(np.ascontiguousarray(order))
        jax.block_until_ready(run(p, order))
        begun = time.perf_counter()
        jax.block_until_ready(run(p, order))
        return order.size / (time.perf_counter() - begun)

    return Updates(updates, replicas(case) * case.batch_size)


def main(out: Path) -> None:
    set_up()
    rows = []
    out.parent.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        data = random_data(case)
        convolutions = {
            "im2col": peer(case, data, im2col_convolution),
            "xla": peer(case, data, xla_convolution),
        }
        trial = {name: updates(1) for name, updates in convolutions.items()}
        best = max(trial, key=lambda name: trial[name])
        found = {"fleet": as_fleet(case, data), best: convolutions[best]}
        found["fleet"](1)
        numbers = {
            name: max(1, min(1000, round(SECONDS * updates(1) / updates.images)))
            for name, updates in found.items()
        }
        speeds: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(REPEATS):
            for name, updates in found.items():
                speeds[name].append(updates(numbers[name]))
        median = {name: statistics.median(values) for name, values in speeds.items()}
        for way, name in (("fleet", "fleet"), ("jax", best)):
            rows.append(
                {
                    **{
                        "model": case.model,
                        "image": "x".join(map(str, case.shape[1:])),
                        "batch_size": case.batch_size,
                    },
                    **{"norm": case.norm, "way": way, "images_per_second": round(median[name], 1)},
                    "spread": round((max(speeds[name]) - min(speeds[name])) / median[name], 3),
                    **{
                        "repeats": REPEATS,
                        "engine": name if way == "jax" else found["fleet"].engine,
                    },
                    **{
                        "machine": provenance.processor(),
                        "versions": provenance.versions("jax", "torch"),
                    },
                }
            )
        print(
            f"{case.model} {case.shape[1]} m={case.batch_size} {case.norm}: fleet {median['fleet']:,.0f}, "
            f"JAX {median[best]:,.0f} ({best}), ratio {median['fleet'] / median[best]:.2f}",
            flush=True,
        )
        # Write after each case, since cases take minutes.
        with open(out.with_name(out.name + "-jax.csv"), "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/bench"))
