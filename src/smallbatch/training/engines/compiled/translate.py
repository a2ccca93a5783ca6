"""Convert a module to a tape of layers (`step.py`), or raise CannotFuse with the reason.

`trace.py` traces the forward; each supported call becomes a row of the tape.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.engines.compiled import step
from smallbatch.training.engines.compiled.tape import Tape, Tensor, lanes
from smallbatch.training.engines.compiled.tensor import ABSENT, ACCUMULATE, WRITE
from smallbatch.training.engines.compiled.trace import SUMS, activations, followed
from smallbatch.training.engines.compiled.vector import LANES
from smallbatch.training.engines.groups import CannotFuse


def make_tape(net: nn.Module, shape: tuple[int, int, int]) -> Tape:
    """The tape of `net` for images of `shape` (C, H, W); raises CannotFuse with the reason."""
    return _Translator(net, shape).tape


class _Translator:
    """Translates the traced calls of the module's forward one by one."""

    def __init__(self, net: nn.Module, shape: tuple[int, int, int]):
        self.tape, self.net = Tape(), net
        module, self.examples = followed(net, shape)
        self.users = {node: len(node.users) for node in module.graph.nodes}
        self.found: dict[fx.Node, int] = {}
        self.renamed: dict[fx.Node, fx.Node] = {}  # nodes that return another node's tensor
        for node in module.graph.nodes:
            if node.op == "placeholder":
                self.found[node] = self._tensor(shape[0], shape[1], shape[2], None)
        (output,) = (node for node in module.graph.nodes if node.op == "output")
        needed = activations(output.args[0])
        for node in module.graph.nodes:
            if node in needed and node not in self.found:
                self.found[node] = self._translate(node)
        self.logits = self.tensor_of(output.args[0])
        logits = self.tape.tensors[self.logits]
        if (logits.height, logits.width) != (1, 1):
            raise CannotFuse("its output isn't one number per class")
        self.tape.logits, self.tape.classes = self.logits, logits.channels
        self._gradient_flags()

    # --- tensors ----------------------------------------------------------------------------------

    def _tensor(
        self, channels: int, height: int, width: int, storage: int | None, maker: int | None = None
    ) -> int:
        if storage is None:
            storage = len(self.tape.borders)
            self.tape.borders.append([0, 0])
        self.tape.tensors.append(Tensor(channels, height, width, storage, maker))
        self.tape.widest = max(self.tape.widest, lanes(channels))
        return len(self.tape.tensors) - 1

    def _row(
        self,
        kind: int,
        x: int,
        shape: tuple[int, int, int],
        storage: int | None = None,
        **columns: int,
    ) -> int:
        """Append a layer that reads tensor `x`; returns the index of its output tensor."""
        y = self._tensor(*shape, storage, maker=len(self.tape.rows))
        row = [0] * step.COLUMNS
        row[step.KIND], row[step.X], row[step.Y], row[step.TO_OTHER], row[step.NORM_NUMBER] = (
            kind,
            x,
            y,
            -1,
            -1,
        )
        for name, value in columns.items():
            row[getattr(step, name)] = value
        self.tape.rows.append(row)
        return y

    def tensor_of(self, node) -> int:
        """The index of the tensor that a node computes."""
        if node not in self.found:
            raise CannotFuse(f"{node} stands where an activation is expected")
        return self.found[node]

    def _only_use(self, node: fx.Node) -> bool:
        """Whether only one call reads the tensor of `node`, including through renamed nodes."""
        return self.users[node] == 1 and (
            node not in self.renamed or self._only_use(self.renamed[node])
        )

    # --- calls ------------------------------------------------------------------------------------

    def _translate(self, node: fx.Node) -> int:
        if node.op == "call_module":
            layer = self.net.get_submodule(str(node.target))
            kind = next((kind for kind in MODULES if type(layer) is kind), None)
            if kind is None:
                raise CannotFuse(
                    f"{node.target} ({type(layer).__name__}) is not a layer of the compiled step"
                )
            return MODULES[kind](self, node, layer)
        call = CALLS.get(node.target) if node.op in ("call_function", "call_method") else None
        if call is None:
            raise CannotFuse(
                f"{getattr(node.target, '__name__', node.target)} is not an operation of the compiled step"
            )
        return call(self, node)

    def identity(self, node, *_) -> int:
        self.renamed[node] = node.args[0]
        return self.tensor_of(node.args[0])

    def convolution(self, node, layer: nn.Conv2d) -> int:
        x = self.tensor_of(node.args[0])
        t, name = self.tape.tensors[x], node.target
        kernel, stride, padding = layer.kernel_size, layer.stride, layer.padding
        if (
            layer.groups != 1
            or layer.dilation != (1, 1)
            or layer.padding_mode != "zeros"
            or isinstance(padding, str)
        ):
            raise CannotFuse(
                f"{name}: a convolution with groups, dilation or other than zero padding by a number"
            )
        if len({*kernel}) + len({*stride}) + len({*padding}) > 3 or padding[0] >= kernel[0]:
            raise CannotFuse(f"{name}: kernel, stride or padding that isn't square")
        k, s, p = kernel[0], stride[0], padding[0]
        height, width = (t.height + 2 * p - k) // s + 1, (t.width + 2 * p - k) // s + 1
        out, inner = layer.out_channels, layer.in_channels
        weight = self.tape.place(
            f"{name}.weight",
            layer.weight,
            (k, k, t.padded, lanes(out)),
            (out, inner, k, k),
            (2, 3, 1, 0),
        )
        border = self.tape.borders[t.storage]
        border[0] = max(border[0], p)
        y = self._row(
            step.CONVOLUTION,
            x,
            (out, height, width),
            WEIGHT=weight,
            **self._bias(name, layer),
            SIZE=k,
            STRIDE=s,
            PADDING=p,
        )
        around = self.tape.borders[self.tape.tensors[y].storage]
        around[1] = max(
            around[1], _reach(k, s, p, t.height, height), _reach(k, s, p, t.width, width)
        )
        return y

    def linear(self, node, layer: nn.Linear) -> int:
        x = self.tensor_of(node.args[0])
        t, name = self.tape.tensors[x], node.target
        if not (t.flat or (t.height, t.width) == (1, 1)):
            raise CannotFuse(f"{name}: a linear layer over the last axis of an image")
        out = layer.out_features
        weight = self.tape.place(
            f"{name}.weight",
            layer.weight,
            (t.height, t.width, t.padded, lanes(out)),
            (out, t.channels, t.height, t.width),
            (2, 3, 1, 0),
        )
        return self._row(step.LINEAR, x, (out, 1, 1), WEIGHT=weight, **self._bias(name, layer))

    def _bias(self, name, layer) -> dict:
        if layer.bias is None:
            return {"BIAS": -1}  # `layout.py` replaces it by the zeros after the parameters
        out = len(layer.bias)
        return {
            "BIAS": self.tape.place(f"{name}.bias", layer.bias, (lanes(out),), (out,), (0,)),
            "HAS_BIAS": 1,
        }

    def norm(self, node, layer: GhostBatchNorm) -> int:
        x = self.tensor_of(node.args[0])
        t, c = self.tape.tensors[x], layer.channels
        if t.maker is None:
            raise CannotFuse(f"{node.target}: batch norm of the images themselves")
        if t.flat and (t.height, t.width) != (1, 1):
            raise CannotFuse(f"{node.target}: batch norm of a flattened image")
        if layer.has_start:
            raise CannotFuse(f"{node.target}: batch norm that comes with running statistics")
        gamma, beta = (
            self.tape.place(f"{node.target}.{part}", getattr(layer, part), (lanes(c),), (c,), (0,))
            for part in ("weight", "bias")
        )
        if layer not in self.tape.norms:
            self.tape.norms.append(layer)
        number = self.tape.norms.index(layer)
        return self._row(
            step.NORM, x, (c, t.height, t.width), WEIGHT=gamma, BIAS=beta, NORM_NUMBER=number
        )

    def relu(self, node, *_) -> int:
        x = self.tensor_of(node.args[0])
        number = self.tape.tensors[x].maker
        maker = self.tape.rows[number] if number is not None else None
        if (
            maker
            and maker[step.KIND] in (step.NORM, step.SUM)
            and not maker[step.RECTIFY]
            and self._only_use(node.args[0])
        ):
            maker[step.RECTIFY] = 1
            return x
        return self._sum(node.args[0], x, RECTIFY=1)

    def add(self, node, *_) -> int:
        one, other = node.args[:2]
        if not isinstance(one, fx.Node) or not isinstance(other, fx.Node):
            raise CannotFuse("a sum with a number")
        x, z = self.tensor_of(one), self.tensor_of(other)
        if not self._writable(one, x) and self._writable(other, z):
            one, x, z = other, z, x
        s, t = self.tape.tensors[x], self.tape.tensors[z]
        if (
            (s.channels, s.height, s.width) != (t.channels, t.height, t.width)
            or s.maker is None
            or t.maker is None
        ):
            raise CannotFuse("a sum of unequal shapes, or with the images themselves")
        return self._sum(one, x, OTHER=z, TO_OTHER=WRITE)

    def _writable(self, node: fx.Node, x: int) -> bool:
        """Whether a sum can overwrite tensor x: no other call reads it, and its own layer does not
        need it in the backward pass."""
        maker = self.tape.tensors[x].maker
        if maker is None or not self._only_use(node):
            return False
        row = self.tape.rows[maker]
        return row[step.KIND] in (step.CONVOLUTION, step.LINEAR) or (
            row[step.KIND] == step.NORM and not row[step.RECTIFY]
        )

    def _sum(self, node, x, **columns) -> int:
        t = self.tape.tensors[x]
        if t.maker is None:
            raise CannotFuse("an operation on the images themselves before any layer")
        storage = t.storage if self._writable(node, x) else None
        y = self._row(step.SUM, x, (t.channels, t.height, t.width), storage, **columns)
        self.tape.tensors[y].flat = t.flat
        return y

    def max_pool(self, node, layer=None) -> int:
        x = self.tensor_of(node.args[0])
        t = self.tape.tensors[x]
        options = _options(
            node, layer, ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
        )
        given = (
            options["kernel_size"],
            options.get("stride") or options["kernel_size"],
            options.get("padding", 0),
        )
        window = [tuple(n) if isinstance(n, list) else n for n in given]
        if any(isinstance(n, tuple) and len({*n}) > 1 for n in window) or options.get(
            "dilation", 1
        ) not in (1, (1, 1)):
            raise CannotFuse("max-pooling over windows that aren't square or whole")
        if t.maker is None or t.flat:
            raise CannotFuse("max-pooling of the images themselves")
        size, stride, padding = (n[0] if isinstance(n, tuple) else n for n in window)
        shape = (t.channels, *node.meta["shape"][2:])
        if (size, stride, padding) == (2, 2, 0) and shape[1:] == (t.height // 2, t.width // 2):
            return self._row(step.MAX_POOL, x, shape)
        return self._row(step.POOL_WINDOWS, x, shape, SIZE=size, STRIDE=stride, PADDING=padding)

    def mean_pool(self, node, layer=None) -> int:
        x = self.tensor_of(node.args[0])
        t = self.tape.tensors[x]
        shape = node.meta["shape"]
        whole = (
            shape in ((self.examples, t.channels), (self.examples, t.channels, 1, 1)) and not t.flat
        )
        if not whole or t.maker is None:
            raise CannotFuse("a mean other than that over all pixels")
        return self._row(step.MEAN_POOL, x, (t.channels, 1, 1))

    def flatten(self, node, *_) -> int:
        x = self.tensor_of(node.args[0])
        t = self.tape.tensors[x]
        size = t.channels * t.height * t.width
        if node.meta["shape"] != (self.examples, size):
            raise CannotFuse("a change of shape other than flattening each example")
        self.renamed[node] = node.args[0]
        self.tape.tensors.append(
            Tensor(t.channels, t.height, t.width, t.storage, t.maker, flat=True)
        )
        return len(self.tape.tensors) - 1

    def subsample(self, node, *_) -> int:
        """Index ``x[:, :, ::s, ::s]``."""
        x, index = self.tensor_of(node.args[0]), node.args[1]
        t = self.tape.tensors[x]
        steps = (
            {part.step or 1 for part in index[2:]}
            if isinstance(index, tuple) and len(index) == 4
            else set()
        )
        plain = (
            all(
                isinstance(part, slice) and part.start is None and part.stop is None
                for part in index
            )
            if steps
            else False
        )
        if (
            not plain
            or len(steps) != 1
            or any((part.step or 1) != 1 for part in index[:2])
            or t.maker is None
        ):
            raise CannotFuse("an index other than [:, :, ::s, ::s]")
        s = steps.pop()
        return self._row(
            step.SUBSAMPLE, x, (t.channels, -(-t.height // s), -(-t.width // s)), STRIDE=s
        )

    def pad(self, node, *_) -> int:
        """Pad the channels with zeros."""
        x, widths = self.tensor_of(node.args[0]), tuple(node.args[1])
        t = self.tape.tensors[x]
        how = dict(zip(("mode", "value"), node.args[2:], strict=False)) | dict(node.kwargs)
        zeros = how.get("mode", "constant") == "constant" and not how.get("value")
        if (
            not zeros
            or len(widths) != 6
            or any(widths[:4])
            or min(widths) < 0
            or t.channels % LANES
        ):
            raise CannotFuse("a padding other than zeros around a multiple of eight channels")
        return self._row(
            step.SUBSAMPLE,
            x,
            (t.channels + sum(widths[4:]), t.height, t.width),
            STRIDE=1,
            PADDING=widths[4],
        )

    # --- backward pass ----------------------------------------------------------------------------

    def _gradient_flags(self) -> None:
        """Set the gradient modes: the first layer, in reverse order, with a gradient for a storage
        writes it, the others accumulate."""
        written = set()
        tensors = self.tape.tensors
        for row in reversed(self.tape.rows):
            for reads, flag in ((step.X, step.TO_X), (step.OTHER, step.TO_OTHER)):
                if flag == step.TO_OTHER and row[flag] < 0:
                    continue
                t = tensors[row[reads]]
                if t.maker is None:
                    row[flag] = ABSENT
                elif t.storage == tensors[row[step.Y]].storage:
                    row[flag] = WRITE  # written in place
                else:
                    row[flag] = ACCUMULATE if t.storage in written else WRITE
                    written.add(t.storage)


def _reach(kernel: int, stride: int, padding: int, size: int, out: int) -> int:
    """The number of rows or columns that the transposed convolution reads beyond the gradient of
    its output."""
    rows = [
        (h + padding - i) // stride
        for h in range(size)
        for i in range(kernel)
        if (h + padding - i) % stride == 0
    ]
    return max(0, -min(rows, default=0), max(rows, default=0) - (out - 1))


def _options(node, layer, names) -> dict:
    if layer is not None:
        return {name: getattr(layer, name) for name in names}
    return dict(zip(names, node.args[1:], strict=False)) | {
        k: v for k, v in node.kwargs.items() if k in names
    }


T = _Translator
MODULES: dict[type[nn.Module], Callable[..., int]] = {
    nn.Conv2d: T.convolution,
    nn.Linear: T.linear,
    GhostBatchNorm: T.norm,
    nn.Identity: T.identity,
    nn.ReLU: T.relu,
    nn.MaxPool2d: T.max_pool,
    nn.AdaptiveAvgPool2d: T.mean_pool,
    nn.AvgPool2d: T.mean_pool,
    nn.Flatten: T.flatten,
}
CALLS: dict[Any, Callable[..., int]] = {
    torch.relu: T.relu,
    F.relu: T.relu,
    "relu": T.relu,
    "relu_": T.relu,
    **dict.fromkeys(SUMS, T.add),
    F.max_pool2d: T.max_pool,
    torch.max_pool2d: T.max_pool,
    F.adaptive_avg_pool2d: T.mean_pool,
    F.avg_pool2d: T.mean_pool,
    "mean": T.mean_pool,
    torch.mean: T.mean_pool,
    torch.flatten: T.flatten,
    "flatten": T.flatten,
    "view": T.flatten,
    "reshape": T.flatten,
    operator.getitem: T.subsample,
    F.pad: T.pad,
}
