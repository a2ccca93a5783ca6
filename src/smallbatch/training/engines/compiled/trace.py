"""Trace the forward of a module call by call (torch.fx)."""

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.utils._python_dispatch import TorchDispatchMode

from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.engines.groups import CannotFuse
from smallbatch.training.engines.sharing import has_hooks, python_state, random_state

# Calls that change a tensor in place; if their result is not used, the graph does not show the
# effect.
IN_PLACE = (
    {name for name in dir(torch.Tensor) if name.endswith("_") and not name.endswith("__")}
    | {name for name in dir(operator) if name.startswith("i") and hasattr(operator, f"__{name}__")}
    | {"setitem"}
)
SUMS = (operator.add, operator.iadd, torch.add)


def followed(net: nn.Module, shape: tuple[int, int, int]) -> tuple[fx.GraphModule, int]:
    """The calls of `net` as a graph with the shape of every activation, and the number of examples
    in these shapes.

    Raises CannotFuse, with a reason, for a forward that cannot be traced or does not always do the
    same.
    """
    if has_hooks(net):
        raise CannotFuse("its layers have hooks")
    norms = [layer for layer in net.modules() if isinstance(layer, GhostBatchNorm)]
    examples = 2 * (norms[0].bn_batch_size if norms else 1)
    before = _states(net)
    for layer in norms:
        layer.observer = lambda means, variances: None  # to keep its running statistics
    try:
        net.eval()
        evaluation = _calls(net)
        net.train()
        module = _calls(net)
        if evaluation.code != module.code:
            raise CannotFuse("its forward is another one in evaluation")
        with torch.no_grad():
            _Shapes(module).run(torch.zeros(examples, *shape, dtype=next(net.parameters()).dtype))
    except CannotFuse:
        raise
    except Exception as error:  # any error while tracing a user's forward
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CannotFuse(f"its forward can't be followed call by call ({line})") from error
    finally:
        for layer in norms:
            layer.observer = None
    if _states(net) != before:
        raise CannotFuse("its forward draws random numbers or keeps state")
    return module, examples


def activations(output: fx.Node) -> set[fx.Node]:
    """The nodes that compute activations on the path to `output`, without sizes passed to
    `view`."""
    found: set[fx.Node] = set()
    to_do: list[Any] = [output]
    while to_do:
        node = to_do.pop()
        if isinstance(node, fx.Node) and node not in found:
            found.add(node)
            to_do += node.args[:2] if node.target in SUMS else node.args[:1]
    return found


def _calls(net: nn.Module) -> fx.GraphModule:
    with _NoValues():
        module = fx.GraphModule(net, _Tracer().trace(net))
    for node in module.graph.nodes:
        name = getattr(node.target, "__name__", str(node.target))
        if not node.users and node.op in ("call_method", "call_function") and name in IN_PLACE:
            raise CannotFuse(f"its forward changes a tensor in its place ({name})")
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


class _Tracer(fx.Tracer):
    proxy_buffer_attributes = True  # so that branching on a buffer's value raises

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, GhostBatchNorm) or super().is_leaf_module(module, name)


class _NoValues(TorchDispatchMode):
    """Raises if a tensor's value is read into Python, since the value can differ in later calls."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation is torch.ops.aten._local_scalar_dense.default:
            raise CannotFuse("its forward reads values of tensors into Python")
        return operation(*args, **(kwargs or {}))


class _Shapes(fx.Interpreter):
    """Runs the module once and records the shape of every activation."""

    def run_node(self, node: fx.Node):
        value = super().run_node(node)
        node.meta["shape"] = tuple(getattr(value, "shape", ()))
        return value


def _states(net: nn.Module) -> tuple:
    """State that a forward must not change: random generators, versions of parameters and buffers,
    and attributes."""
    versions = [tensor._version for tensor in (*net.parameters(), *net.buffers())]
    return random_state(), versions, [python_state(module) for module in net.modules()]
