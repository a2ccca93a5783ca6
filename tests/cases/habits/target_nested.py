"""Layers given as arguments: a nested _target_, and one with _partial_."""

SOURCE = "hydra-ecosystem/hydra#1998"
OUTCOME = "trains"


def run(user):
    act = "act: {_target_: torch.nn.LeakyReLU, negative_slope: 0.3}"
    norm = "layer: {_target_: torch.nn.Linear, _partial_: true, bias: false}"
    user.study("t", model=f"{{name: x, _target_: nets.Net, {act}, {norm}}}")
    user.plan("study=t", "conf=mine")
    net = user.build("study=t", "conf=mine")
    assert net.act.negative_slope == 0.3 and net.head.bias is None
    assert net.head.weight.shape == (10, 4)
