"""Replicas trained with PyTorch: a fused network of several (`groups.py`, `stacked.py`), or one module alone."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from smallbatch.data.read import Split
from smallbatch.training import evaluate
from smallbatch.training.groups import gradients, trained
from smallbatch.training.sgd import SGD


def lone(nets: list[nn.Module]) -> nn.Module:
    """The module of a single replica as it is, with input in the layout that a user's forward counts on."""
    (net,) = nets
    net.register_forward_pre_hook(lambda _, inputs: row_major(inputs[0]))
    return net


def row_major(x: torch.Tensor) -> torch.Tensor:
    """`x` with the strides of a new tensor, so that ``view`` works in a forward, after convolutions too.

    (With one channel ``contiguous`` keeps the strides of channels_last, and a convolution hands them on.)
    """
    return x.contiguous().flatten().view(x.shape)


class Modules:
    """The replicas of one block: ``make(nets)`` is one network that computes all of `nets`.

    Its input is ``[examples, R·C, H, W]``, its output ``[examples, R·classes]``, and all its parameters and
    buffers are replica-major: ``tensor.view(R, -1)[r]`` belongs to replica r.
    """

    def __init__(self, nets: list[nn.Module], make: Callable, optimizer: dict, tail: int = 0):
        self.tail = tail  # rows at the end that stay when others leave
        self.template, self.make, self.optimizer = nets[0], make, optimizer
        self._hold(make(nets), len(nets))

    def _hold(self, net: nn.Module, replicas: int) -> None:
        self.net, self.replicas = net, replicas
        self.parameters = trained(net)
        self.sgd = SGD(self.parameters, replicas, self.optimizer["momentum"], self.optimizer["weight_decay"])

    def update(self, train: Split, order: np.ndarray, lr: np.ndarray, total: np.ndarray) -> None:
        """One update for each batch of `order` ``[R, updates, m]``, with rates ``lr[u, r]``.

        Adds the loss of every update to `total` ``[R]`` (float64).
        """
        replicas, updates, m = order.shape
        index = torch.from_numpy(order).permute(1, 2, 0).contiguous()  # [update, m, R]
        rates = torch.from_numpy(lr).to(self.parameters[0].dtype)[..., None]
        sums = torch.from_numpy(total)  # shares its memory
        self.net.train()
        for u in range(updates):
            x = train.images[index[u]].flatten(1, 2).contiguous(memory_format=torch.channels_last)
            logits = self.net(x).view(m * replicas, -1)
            losses = F.cross_entropy(logits, train.labels[index[u]].view(-1), reduction="none")
            loss = losses.view(m, replicas).t().contiguous().mean(1)  # replica-major: summed alike at every width
            self.sgd.step(gradients(loss.sum(), self.parameters), rates[u])
            sums += loss.detach()

    def score(self, split: Split, statistics: list | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean cross-entropy ``[R]`` and correctness ``[R, examples]``; batch norm uses the running statistics or `statistics`."""
        with evaluate.fixed_statistics(self.net, statistics or []):
            loss, correct = evaluate.score(self.net, split.images, split.labels, self.replicas)
        return loss.numpy(), correct.numpy()

    def exact_statistics(self, images: torch.Tensor) -> list:
        return evaluate.exact_statistics(self.net, images, self.replicas)

    def population_statistics(self, images: torch.Tensor) -> list:
        return evaluate.population_statistics(self.net, images, self.replicas)

    @property
    def normalised(self) -> bool:
        """Whether there is batch norm, so that statistics matter."""
        return bool(evaluate.norm_layers(self.net))

    def finite(self) -> np.ndarray:
        """Which replicas have only finite weights ``[R]``."""
        flags = [p.detach().view(self.replicas, -1).isfinite().all(1) for p in self.parameters]
        return torch.stack(flags).all(0).numpy()

    def state(self) -> dict[str, np.ndarray]:
        """All that training changes, replica-major: ``{name: [R, ...]}``."""
        tensors = dict(self.net.named_parameters()) | dict(self.net.named_buffers())
        tensors |= {f"velocity.{i}": v for i, v in enumerate(self.sgd.velocity or [])}
        found = {name: t.detach().view(self.replicas, -1).numpy().copy() for name, t in tensors.items()}
        chunks = [layer.chunks for layer in evaluate.norm_layers(self.net)]
        found["chunks"] = np.tile(np.array(chunks, np.int64), (self.replicas, 1))
        if self.replicas == 1:  # dropout and the like, which only networks that train one by one may have
            found["random"] = torch.get_rng_state().numpy()[None]
        return found

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Go on from `state`, whatever number of replicas it holds."""
        replicas = len(state["chunks"])
        if replicas != self.replicas:
            self._hold(self.make([self.template] * replicas), replicas)
        tensors = dict(self.net.named_parameters()) | dict(self.net.named_buffers())
        tensors |= {f"velocity.{i}": v for i, v in enumerate(self.sgd.velocity or [])}
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.view(replicas, -1).copy_(torch.from_numpy(state[name]))
        for layer, chunks in zip(evaluate.norm_layers(self.net), state["chunks"][0], strict=True):
            layer.chunks = int(chunks)
        if "random" in state:
            torch.set_rng_state(torch.from_numpy(state["random"][0]))
