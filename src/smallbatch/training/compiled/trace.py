"""Following the forward of a module call by call (torch.fx)."""

import operator

import torch
from torch import fx, nn

from smallbatch.models.norm import GhostBatchNorm
from smallbatch.training.alone import python_state, random_state
from smallbatch.training.groups import CannotFuse

SUMS = (operator.add, operator.iadd, torch.add)


def followed(net: nn.Module, shape: tuple[int, int, int]) -> tuple[fx.GraphModule, int]:
    """The calls of `net` as a graph, with the shape of every activation for some number of examples, and that number.

    Raises CannotFuse, with a reason, for a forward that can't be followed or doesn't do the same each time.
    """
    net = net.train()
    norms = [layer for layer in net.modules() if isinstance(layer, GhostBatchNorm)]
    examples = 2 * (norms[0].bn_batch_size if norms else 1)
    before = _states(net)
    for layer in norms:
        layer.observer = lambda means, variances: None  # keeps its running statistics as they are
    try:
        module = fx.GraphModule(net, _Tracer().trace(net))
        module.graph.eliminate_dead_code()
        with torch.no_grad():
            _Shapes(module).run(torch.zeros(examples, *shape, dtype=next(net.parameters()).dtype))
    except Exception as error:  # whatever tracing meets in a user's forward
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CannotFuse(f"its forward can't be followed call by call ({line})") from error
    finally:
        for layer in norms:
            layer.observer = None
    if _states(net) != before:
        raise CannotFuse("its forward draws random numbers or keeps state")
    return module, examples


def activations(output: fx.Node) -> set[fx.Node]:
    """The nodes that compute activations on the way to `output`: not the sizes that a `view` may be given."""
    found, to_do = set(), [output]
    while to_do:
        node = to_do.pop()
        if isinstance(node, fx.Node) and node not in found:
            found.add(node)
            to_do += node.args[:2] if node.target in SUMS else node.args[:1]
    return found


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, GhostBatchNorm) or super().is_leaf_module(module, name)


class _Shapes(fx.Interpreter):
    """Runs the module once and notes the shape of every activation."""

    def run_node(self, node: fx.Node):
        value = super().run_node(node)
        node.meta["shape"] = tuple(getattr(value, "shape", ()))
        return value


def _states(net: nn.Module) -> tuple:
    """What a forward must leave as it was: random generators, and attributes that are no parameters."""
    return random_state(), [python_state(module) for module in net.modules()]
