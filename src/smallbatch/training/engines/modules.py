"""Train replicas with PyTorch: a fused network of several (`groups.py`, `stacked.py`), or a single
module.

All tensors are on the device of the networks and the data. On a GPU, updates of fused networks
replay a CUDA graph (`cuda.py`). Methods return NumPy arrays on the host, so they wait for the GPU.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn import functional as F

from smallbatch.core.records import OptimizerSettings
from smallbatch.data.read import Split
from smallbatch.measures.noise_scale import products_of
from smallbatch.schedules.adaptive import Moments
from smallbatch.training import scoring
from smallbatch.training.engines import alone, cuda
from smallbatch.training.engines.device import forward_in, products_in
from smallbatch.training.engines.groups import found_gradients, joint_gradients, trained
from smallbatch.training.engines.limits import piece_of
from smallbatch.training.optimizers.sgd import SGD
from smallbatch.training.optimizers.steps import make_optimizer


def lone(nets: list[nn.Module]) -> nn.Module:
    """The unchanged module of a single replica, with row-major input, as a user's forward
    expects."""
    (net,) = nets
    net.register_forward_pre_hook(lambda _, inputs: row_major(inputs[0]))
    return net


def lone_channels_last(nets: list[nn.Module]) -> nn.Module:
    """The module of a single replica with weights and input in channels_last layout, which can make
    convolutions faster."""
    (net,) = nets
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    net.register_forward_pre_hook(
        lambda _, inputs: inputs[0].contiguous(memory_format=torch.channels_last)
    )
    return net


def row_major(x: torch.Tensor) -> torch.Tensor:
    """`x` with the strides of a new tensor, so that ``view`` works in a forward, also after
    convolutions.

    (With one channel, ``contiguous`` keeps the strides of channels_last, and convolutions propagate
    them.)
    """
    return x.contiguous().flatten().view(x.shape)


def example_gradients(
    net: nn.Module, weights: dict[str, torch.Tensor], images: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The per-example losses ``[n]`` and gradients ``{name: [n, ...]}`` of `net` with `weights`."""

    def loss(
        weights: dict[str, torch.Tensor], image: torch.Tensor, label: torch.Tensor
    ) -> torch.Tensor:
        return F.cross_entropy(functional_call(net, weights, (image[None],)), label[None])

    one = grad_and_value(loss)
    try:
        made, losses = vmap(one, in_dims=(None, 0, 0), randomness="different")(
            weights, images, labels
        )
    except RuntimeError:  # a forward that branches on values, which vmap does not support
        each = [one(weights, image, label) for image, label in zip(images, labels, strict=True)]
        losses = torch.stack([value for _, value in each])
        made = {name: torch.stack([gradient[name] for gradient, _ in each]) for name in weights}
    return losses, made


class Modules:
    """A `MomentTrainer` for the replicas of a block; ``make(nets)`` fuses `nets` into one network.

    The input of the network is ``[examples, R·C, H, W]``, its output ``[examples, R·classes]``. All
    of its parameters and buffers are replica-major: ``tensor.view(R, -1)[r]`` belongs to replica r.

    `precision` (tf32, bf16) applies to products in training only; weights, losses and evaluation
    keep the networks' precision.
    """

    def __init__(
        self,
        nets: list[nn.Module],
        make: Callable,
        optimizer: OptimizerSettings,
        padding: int = 0,
        precision: str | None = None,
        say: Callable[[str], None] = lambda text: None,
        m: int | None = None,
    ):
        self.m = m  # examples per update, which an optimizer can depend on
        norms = scoring.norm_layers(nets[0])
        self.b = norms[0].bn_batch_size if norms else None
        self.padding = padding
        self.template, self.make, self.optimizer, self.say = nets[0], make, optimizer, say
        self.device = next(nets[0].parameters()).device
        self.precision, self.forward_in = precision, forward_in(precision, self.device)
        # A single module can count in Python or branch on values (`sharing.py`), which a graph
        # does not repeat.
        self.capture = self.device.type == "cuda" and make not in (lone, lone_channels_last)
        self._hold(make(nets), len(nets))

    def _hold(self, net: nn.Module, replicas: int) -> None:
        self.net, self.replicas = net, replicas
        self.once: Callable[[], None] | None = None
        self.static: cuda.StaticStep | None = None
        self.parameters = trained(net)
        self.used: list[bool] | None = None  # which of them the last loss depended on
        self.stepper = make_optimizer(self.optimizer, self.parameters, replicas, self.m)

    def update(self, train: Split, order: np.ndarray, lr: np.ndarray, total: np.ndarray) -> None:
        """Make one update per batch of `order` ``[R, updates, m]`` with rates ``lr[u, r]``.

        Adds the loss of every update to `total` ``[R]`` (float64).
        """
        # [update, m, R]
        index = torch.from_numpy(order).to(self.device).permute(1, 2, 0).contiguous()
        rates = torch.from_numpy(lr).to(self.device, self.parameters[0].dtype)[..., None]
        sums = torch.from_numpy(total).to(self.device)  # shares memory with `total` on a CPU
        self.net.train()
        with products_in(self.precision):
            if self.capture:
                self._replay(train, index, rates, sums)
            else:
                for u in range(len(index)):
                    self.step(train, index[u], rates[u], sums)
        alone.check_trained(self.net, self.parameters)
        total[:] = sums.cpu().numpy()

    def step(
        self, train: Split, index: torch.Tensor, rates: torch.Tensor, sums: torch.Tensor
    ) -> None:
        """Make one update on the batches `index` ``[m, R]`` with `rates` ``[R, 1]``; adds its
        losses to `sums` ``[R]``."""
        loss, made = self.losses_and_gradients(train, index)
        # Torch's optimizers leave alone what gets no gradient; here that is zero, and may decay.
        pairs = zip(self.parameters, self.used or [], strict=False)
        left = [(p, p.detach().clone()) for p, used in pairs if not used]
        self.stepper.step(made, rates)
        with torch.no_grad():
            for parameter, was in left:
                parameter.copy_(was)
        sums += loss

    def losses_and_gradients(
        self, train: Split, index: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Mean losses ``[R]`` on the batches `index` ``[m, R]`` and their gradients, accumulated
        over pieces of a large batch."""
        m = len(index)
        parts = index.split(piece_of(m, self.b))
        loss, made = self._piece(train, parts[0])
        if len(parts) > 1:
            loss, made = (
                loss * len(parts[0]) / m,
                [gradient * (len(parts[0]) / m) for gradient in made],
            )
        for part in parts[1:]:
            more, gradients_of_part = self._piece(train, part)
            loss = loss + more * len(part) / m
            for gradient, further in zip(made, gradients_of_part, strict=True):
                gradient.add_(further, alpha=len(part) / m)
        return loss, made

    def _piece(self, train: Split, index: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Mean losses ``[R]`` and their gradients on examples that are processed at once."""
        m, replicas = index.shape
        if replicas == 1:  # the textbook code, for the same speed
            with self.forward_in():
                logits = self.net(train.images[index[:, 0]])
            loss = F.cross_entropy(logits.to(self.parameters[0].dtype), train.labels[index[:, 0]])
            found = found_gradients(loss, self.parameters)
            used = [gradient is not None for gradient in found]
            alone.check_used(self.net, self.optimizer, self.used, used)
            self.used = used
            pairs = zip(found, self.parameters, strict=True)
            return loss.detach()[None], [torch.zeros_like(p) if g is None else g for g, p in pairs]
        x = (
            train.images[index]
            .flatten(1, 2)
            .contiguous(memory_format=scoring.LAYOUTS[self.device.type])
        )
        with self.forward_in():
            logits = self.net(x)
        logits = logits.to(self.parameters[0].dtype).view(m * replicas, -1)
        losses = F.cross_entropy(logits, train.labels[index].view(-1), reduction="none")
        # Replica-major, so that the order of the sum does not depend on the width.
        loss = losses.view(m, replicas).t().contiguous().mean(1)
        return loss.detach(), joint_gradients(loss.sum(), self.parameters)

    def updates_made(self, rounds: int, examples: int) -> tuple[np.ndarray, np.ndarray]:
        """The number of updates of each replica ``[R]`` after `rounds`, and the number of examples
        in them ``[R]``, out of `examples` drawn."""
        return np.full(self.replicas, rounds), np.full(self.replicas, examples)

    def gradient_products(self, train: Split, order: np.ndarray) -> np.ndarray:
        """Inner products ``[R, K, K]`` of the mean gradients of batches `order` ``[R, K, b]``,
        without changing the state."""
        index = (
            torch.from_numpy(np.ascontiguousarray(order))
            .to(self.device)
            .permute(1, 2, 0)
            .contiguous()
        )
        with scoring.untouched(self.net):
            self.net.train()
            made = [self.losses_and_gradients(train, batch)[1] for batch in index]
        rows = torch.stack(
            [torch.cat([g.reshape(self.replicas, -1) for g in one], 1) for one in made], 1
        )
        return np.stack([products_of(of_replica) for of_replica in rows.cpu()])

    # --- for rules that choose the batch size (`adaptive.py`): one replica at a time -------------

    @property
    def gradient_size(self) -> int:
        """The number of elements in a gradient of one replica."""
        return sum(p.numel() for p in self.parameters) // self.replicas

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(str(self.parameters[0].dtype).removeprefix("torch."))

    def moment_sums(self, r: int, train: Split, index: np.ndarray, sums: np.ndarray) -> float:
        """Add the block's mean gradient and the sum of (∇ℓ_i / n)² over its examples to `sums`
        ``[2, P]``; returns the mean loss."""
        chosen = torch.from_numpy(index).to(self.device)
        names = [
            name for name, parameter in self.template.named_parameters() if parameter.requires_grad
        ]
        rows = (p.detach().view(self.replicas, -1)[r] for p in self.parameters)
        own = trained(self.template)
        weights = {name: row.view(p.shape) for name, row, p in zip(names, rows, own, strict=True)}
        self.template.train()
        losses, made = example_gradients(
            self.template, weights, train.images[chosen], train.labels[chosen]
        )
        flat = torch.cat([made[name].flatten(1) for name in names], 1) / len(index)
        torch.from_numpy(sums[0]).add_(flat.sum(0).cpu())
        torch.from_numpy(sums[1]).add_(flat.square().sum(0).cpu())
        return float(losses.double().mean())

    def weighed(self, r: int, sums: np.ndarray, blocks: int, n: int, loss: float) -> Moments:
        """The moments for a rule from the sums over `blocks` blocks of n examples with mean loss
        `loss`."""
        f, squares = torch.from_numpy(sums).double()
        m, f = blocks * n, f / blocks
        spread = ((n * n * squares - m * f * f) / (m - 1)).clamp(min=0)
        sgd = self._sgd()
        velocity = sgd.of_replica(r).velocity
        step = f if velocity is None else sgd.momentum * torch.cat(velocity).cpu().double() + f
        return Moments(
            m, loss, float(f @ f), float(f @ step), float(spread.sum()), float((f * f) @ spread)
        )

    def apply(self, r: int, gradient: np.ndarray, lr: float) -> None:
        """Update replica r with a mean gradient."""
        one, flat = self._sgd().of_replica(r), torch.from_numpy(gradient).to(self.device)
        one.step(
            flat.split([len(row) for row in one.rows]), torch.tensor([[lr]], dtype=torch.float64)
        )

    def _sgd(self) -> SGD:
        """The optimizer, which must be SGD if a rule chooses the batch size
        (`config/schedules.py`)."""
        assert isinstance(self.stepper, SGD)
        return self.stepper

    def _replay(
        self, train: Split, index: torch.Tensor, rates: torch.Tensor, sums: torch.Tensor
    ) -> None:
        """Make updates by replaying a CUDA graph, which is captured before the first one; if that
        fails, make them without a graph."""
        m = index.shape[1]
        static, once = self.static, self.once
        if (
            static is None
            or once is None
            or static.train is not train
            or static.index.shape[1] != m
        ):
            static = once = self.static = cuda.StaticStep(self, train, m)
            static.fill(index[: cuda.PART], rates[: cuda.PART])
            try:
                once = cuda.captured(static)
            except Exception as error:  # any error of a user's forward in a graph
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                self.say(f"updates cannot be captured as a CUDA graph and are slower: {line}")
            self.once = once
        cuda.run(static, once, index, rates, sums)

    def score(
        self, split: Split, statistics: list[scoring.Pair] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean cross-entropy ``[R]`` and correctness ``[R, examples]``; batch norm uses
        `statistics` or, by default, its running statistics."""
        with scoring.fixed_statistics(self.net, statistics or []):
            loss, correct = scoring.score(self.net, split.images, split.labels, self.replicas)
        return loss.cpu().numpy(), correct.cpu().numpy()

    def exact_statistics(self, images: torch.Tensor) -> list[scoring.Pair]:
        return scoring.exact_statistics(self.net, images, self.replicas)

    def population_statistics(self, images: torch.Tensor) -> list[scoring.Pair]:
        return scoring.population_statistics(self.net, images, self.replicas)

    @property
    def normalised(self) -> bool:
        """Whether the networks have batch norm, and so statistics."""
        return bool(scoring.norm_layers(self.net))

    def finite(self) -> np.ndarray:
        """Whether all weights of each replica are finite, ``[R]`` (bool)."""
        flags = [p.detach().reshape(self.replicas, -1).isfinite().all(1) for p in self.parameters]
        return torch.stack(flags).all(0).cpu().numpy()

    def state(self) -> dict[str, np.ndarray]:
        """Everything that training changes, replica-major: ``{name: [R, ...]}``."""
        tensors = dict(self.net.named_parameters()) | dict(self.net.named_buffers())
        tensors |= self.stepper.state()
        found = {
            name: t.detach().reshape(self.replicas, -1).cpu().numpy().copy()
            for name, t in tensors.items()
        }
        layers = scoring.norm_layers(self.net)
        chunks = np.array([layer.chunks for layer in layers], np.int64)
        momenta = np.array([layer.momenta() for layer in layers], np.float64).reshape(-1)
        found["chunks"] = np.tile(chunks, (self.replicas, 1))
        found["momenta"] = np.tile(momenta, (self.replicas, 1))
        # For dropout and similar layers, which only separate modules support.
        if self.replicas == 1:
            found["random"] = self._generator().get_state().numpy()[None]
            found["python"] = alone.python_state(self.net)[None]
        return found

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Load `state`, which can have another number of replicas."""
        replicas = len(state["chunks"])
        if replicas != self.replicas:
            self._hold(self.make([self.template] * replicas), replicas)
        tensors = dict(self.net.named_parameters()) | dict(self.net.named_buffers())
        tensors |= self.stepper.state()
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(torch.from_numpy(state[name]).view(tensor.shape))
        layers = scoring.norm_layers(self.net)
        momenta = state["momenta"][0].reshape(len(layers), 4 if layers else 0)
        for layer, chunks, own in zip(layers, state["chunks"][0], momenta, strict=True):
            layer.chunks = int(chunks)
            layer.set_momenta(own.tolist())
        if "random" in state:
            self._generator().set_state(torch.from_numpy(state["random"][0]))
        if "python" in state:
            alone.set_python_state(self.net, state["python"][0])

    def _generator(self) -> torch.Generator:
        """The random number generator of the forward pass."""
        if self.device.type == "cpu":
            return torch.default_generator
        return torch.cuda.default_generators[torch.cuda.current_device()]
