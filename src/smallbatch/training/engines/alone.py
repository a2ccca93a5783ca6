"""What a network may do that trains as one module alone, and what it may not."""

import copy
import json

import numpy as np
import torch
from torch import nn

from smallbatch.core.errors import UserError
from smallbatch.core.records import OptimizerSettings
from smallbatch.models import generators
from smallbatch.training.engines.groups import found_gradients, trained
from smallbatch.training.plain_values import set_values, values_of


def python_state(net: nn.Module) -> np.ndarray:
    """What the forward of `net` may draw from or change that is no tensor of its own, as JSON
    ``[bytes]``: generators on the host, and numbers kept in modules."""
    on_gpu = next(net.parameters()).device.type != "cpu"  # else torch's has been stored
    host = torch.get_rng_state().tolist() if on_gpu else None
    states = [list(state) for state in generators.states()[1:]]
    return np.frombuffer(json.dumps([host, states, values_of(net)]).encode(), np.uint8)


def set_python_state(net: nn.Module, state: np.ndarray) -> None:
    """Bring generators and `net` to where `python_state` found them."""
    host, states, values = json.loads(state.tobytes())
    if host:
        torch.set_rng_state(torch.tensor(host, dtype=torch.uint8))
    generators.set_python_states(states)
    set_values(net, values)


def moves_unused(config: OptimizerSettings) -> bool:
    """Whether an optimizer moves a parameter whose gradient is zero; torch's leave alone one that
    has none."""
    return config.get("name", "sgd") != "sgd" or bool(config["momentum"] or config["weight_decay"])


def unused(net: nn.Module, shape: tuple[int, ...], examples: int) -> str:
    """The first parameter of `net` that an update of `examples` gives no gradient; empty if there is
    none."""
    net = copy.deepcopy(net)
    net.train()
    with generators.unchanged():
        generators.seed_all(0)
        found = found_gradients(net(torch.randn(examples, *shape)).square().sum(), trained(net))
    names = [name for name, parameter in net.named_parameters() if parameter.requires_grad]
    return next((name for name, g in zip(names, found, strict=True) if g is None), "")


def check_used(
    net: nn.Module, config: OptimizerSettings, before: list[bool] | None, now: list[bool]
) -> None:
    """Raise UserError for a forward that uses a parameter in some updates only, where it matters
    that torch's optimizers leave it alone in the others."""
    if moves_unused(config) and before not in (None, now):
        raise UserError(
            f"model {type(net).__name__}: its forward uses some layers in a part of the updates only, which is supported "
            "with optimizer.momentum=0 and optimizer.weight_decay=0 alone: others would move these layers all the same"
        )


def check_trained(net: nn.Module, parameters: list[nn.Parameter]) -> None:
    """Raise UserError for a network that freezes or unfreezes parameters while it trains."""
    if {id(parameter) for parameter in trained(net)} != {id(p) for p in parameters}:
        raise UserError(
            f"model {type(net).__name__}: it changes requires_grad of its parameters while it trains, which is not supported; "
            "freeze them in the constructor"
        )
