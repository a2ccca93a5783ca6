"""Stochastic gradient descent for a fleet: every replica has its own learning rate."""

import copy
from collections.abc import Sequence

import torch


class SGD:
    """``v <- momentum·v + (g + weight_decay·θ)``, ``θ <- θ - η v``, as in ``torch.optim.SGD``
    (Sutskever et al. 2013).

    With `nesterov`, the step is ``g + weight_decay·θ + momentum·v`` with the new v.

    `g` is the mean gradient over the batch, so η = η̃·m is the usual learning rate. Weight decay
    applies to every parameter, including biases and norm scales. `parameters` are replica-major:
    ``view(R, -1)[r]`` belongs to replica r.
    """

    def __init__(
        self,
        parameters: Sequence[torch.Tensor],
        replicas: int,
        momentum: float,
        weight_decay: float,
        nesterov: bool = False,
    ):
        whole = [parameter.detach() for parameter in parameters]
        self.rows = (
            whole if replicas == 1 else [parameter.view(replicas, -1) for parameter in whole]
        )
        self.replicas, self.momentum, self.nesterov = replicas, momentum, nesterov
        self.weight_decay = weight_decay
        self.velocity: list[torch.Tensor] | None = (
            [torch.zeros_like(row) for row in self.rows] if momentum else None
        )

    def of_replica(self, r: int) -> "SGD":
        """An optimizer for replica r only, which shares its memory."""
        one = copy.copy(self)
        one.replicas, one.rows = 1, [row.view(self.replicas, -1)[r] for row in self.rows]
        one.velocity = self.velocity and [
            velocity.view(self.replicas, -1)[r] for velocity in self.velocity
        ]
        return one

    def state(self) -> dict[str, torch.Tensor]:
        return {f"velocity.{i}": row for i, row in enumerate(self.velocity or [])}

    @torch.no_grad()
    def step(self, gradients: list[torch.Tensor], lr: torch.Tensor) -> None:
        """One update with the rates `lr` ``[R, 1]``."""
        steps = [
            gradient.reshape(row.shape) for gradient, row in zip(gradients, self.rows, strict=True)
        ]
        if self.weight_decay:
            steps = list(torch._foreach_add(steps, self.rows, alpha=self.weight_decay))
        if self.velocity is not None:
            torch._foreach_mul_(self.velocity, self.momentum)
            torch._foreach_add_(self.velocity, steps)
            ahead = (
                torch._foreach_add(steps, self.velocity, alpha=self.momentum)
                if self.nesterov
                else self.velocity
            )
            steps = list(ahead)
        if len(lr) == 1:  # weights of a single module can have any memory layout
            torch._foreach_add_(self.rows, steps, alpha=-float(lr))
            return
        for row, step in zip(self.rows, steps, strict=True):
            row.addcmul_(step, lr, value=-1)
