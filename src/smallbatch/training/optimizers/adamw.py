"""Adam with decoupled weight decay for a fleet: every replica has its own learning rate."""

from collections.abc import Sequence

import torch


class AdamW:
    """``θ <- θ - ηλθ``, ``m <- β₁m + (1-β₁)g``, ``v <- β₂v + (1-β₂)g²``, ``θ <- θ - η m̂ / (√v̂ +
    ε)``.

    Here ``m̂ = m / (1-β₁ᵗ)`` and ``v̂ = v / (1-β₂ᵗ)`` after t updates, as in ``torch.optim.AdamW``
    (Kingma & Ba 2015; Loshchilov & Hutter 2019, algorithm 2). `parameters` are replica-major:
    ``view(R, -1)[r]`` belongs to replica r.
    """

    def __init__(
        self,
        parameters: Sequence[torch.Tensor],
        replicas: int,
        beta1: float,
        beta2: float,
        eps: float,
        weight_decay: float,
    ):
        # Weights of a single module can have any memory layout.
        whole = [parameter.detach() for parameter in parameters]
        self.rows = (
            whole if replicas == 1 else [parameter.view(replicas, -1) for parameter in whole]
        )
        self.beta1, self.beta2, self.eps, self.weight_decay = beta1, beta2, eps, weight_decay
        self.first, self.second = ([torch.zeros_like(row) for row in self.rows] for _ in range(2))
        # β₁ᵗ and β₂ᵗ as tensors, which a CUDA graph can update; one row per replica, like all
        # state.
        self.powers = torch.ones(replicas, 2, dtype=torch.float64, device=self.rows[0].device)

    def state(self) -> dict[str, torch.Tensor]:
        moments = {"first": self.first, "second": self.second}
        named = {f"{name}.{i}": row for name, rows in moments.items() for i, row in enumerate(rows)}
        return named | {"powers": self.powers}

    @torch.no_grad()
    def step(self, gradients: list[torch.Tensor], lr: torch.Tensor) -> None:
        """One update with the rates `lr` ``[R, 1]``."""
        steps = [
            gradient.reshape(row.shape) for gradient, row in zip(gradients, self.rows, strict=True)
        ]
        torch._foreach_mul_(self.first, self.beta1)
        torch._foreach_add_(self.first, steps, alpha=1 - self.beta1)
        torch._foreach_mul_(self.second, self.beta2)
        torch._foreach_addcmul_(self.second, steps, steps, value=1 - self.beta2)
        self.powers[:, 0] *= self.beta1
        self.powers[:, 1] *= self.beta2
        one, other = (1 - self.powers).split(1, 1)  # [R, 1] each
        shape = () if len(lr) == 1 else (-1, 1)
        decay, rate, root = (
            x.to(lr.dtype).view(shape) for x in (1 - lr * self.weight_decay, lr / one, other.sqrt())
        )
        for row, first, second in zip(self.rows, self.first, self.second, strict=True):
            row.mul_(decay)
            row.addcmul_(first / second.sqrt().div_(root).add_(self.eps), rate, value=-1)
