"""Train replicas with the compiled step, one after another."""

import numpy as np
import torch
from torch import nn

from smallbatch.core.records import OptimizerSettings
from smallbatch.data.read import Split
from smallbatch.measures.noise_scale import products_of
from smallbatch.schedules.adaptive import Moments
from smallbatch.training.engines.compiled import moments, step
from smallbatch.training.engines.compiled.layout import lay_out
from smallbatch.training.engines.compiled.tape import lanes
from smallbatch.training.engines.compiled.translate import make_tape
from smallbatch.training.engines.groups import CannotFuse
from smallbatch.training.engines.limits import piece_of
from smallbatch.training.optimizers.kinds import optimizer_kind

# Size of the activations of an evaluation slice, to stay in the cache.
EVALUATION_BYTES = 2**19


class Compiled:
    """The replicas of one block: a `MomentTrainer` (`training/engines/trainer.py`)."""

    padding = 0

    def __init__(
        self,
        nets: list[nn.Module],
        shape: tuple[int, int, int],
        m: int,
        optimizer: OptimizerSettings,
        whole: bool = False,
    ):
        """`m` is the largest batch size; with `whole`, batches of any size are processed at once,
        as `moment_sums` requires."""
        if not optimizer_kind(optimizer).compiled:
            raise CannotFuse(f"the compiled step does not support {optimizer['name']}")
        self.tape = tape = make_tape(nets[0], shape)
        self.dtype = next(nets[0].parameters()).detach().numpy().dtype
        self.optimizer = optimizer
        self.b = tape.norms[0].bn_batch_size if tape.norms else None
        self.whole, self.piece = whole, m if whole else piece_of(m, self.b)
        self.where = np.concatenate(list(tape.names.values()))
        replicas, tail = len(nets), tape.parameters + tape.widest
        self.p = np.zeros((replicas, tail), self.dtype)
        for row, net in zip(self.p, nets, strict=True):
            parameters = dict(net.named_parameters())
            row[self.where] = np.concatenate(
                [parameters[name].detach().numpy().reshape(-1) for name in tape.names]
            )
        self.velocity = np.zeros_like(self.p) if optimizer["momentum"] else self.p[:, :0].copy()
        channels = sum(lanes(layer.channels) for layer in tape.norms)
        self.running = np.zeros((replicas, 2, channels), self.dtype)
        self.seen = np.zeros(replicas, np.int64)  # number of examples in the running statistics

        # A network can need no memory per example (for example, a single linear layer).
        one = (
            lay_out(tape, 1, None, gradients=False).size
            - lay_out(tape, 0, None, gradients=False).size
        )
        size = max(1, EVALUATION_BYTES // (max(1, one) * self.dtype.itemsize))
        self.slice = max(self.b or 1, size // (self.b or 1) * (self.b or 1))
        self.training, self.evaluation = (
            lay_out(tape, self.piece, self.b),
            lay_out(tape, self.slice, self.b, gradients=False),
        )
        self.memory = {
            id(layout): np.zeros(layout.size, self.dtype)
            for layout in (self.training, self.evaluation)
        }
        self.gradient = np.zeros(tail, self.dtype)

    @property
    def replicas(self) -> int:
        return len(self.p)

    @property
    def normalised(self) -> bool:
        return bool(self.tape.norms)

    @property
    def gradient_size(self) -> int:
        """The number of elements in a gradient of one replica, with padding."""
        return len(self.gradient)

    def update(self, train: Split, order: np.ndarray, lr: np.ndarray, total: np.ndarray) -> None:
        images, labels = _arrays(train)
        nesterov = int(bool(self.optimizer.get("nesterov")))
        for r in range(self.replicas):
            total[r] = step.train(
                self.training.net,
                self.memory[id(self.training)],
                self.gradient,
                self.p[r],
                self.velocity[r],
                self.running[r, 0],
                self.running[r, 1],
                images,
                labels,
                order[r],
                self.piece,
                np.ascontiguousarray(lr[:, r]),
                self.optimizer["momentum"],
                nesterov,
                self.optimizer["weight_decay"],
                total[r],
            )
            self.seen[r] += order[r].size

    def updates_made(self, rounds: int, examples: int) -> tuple[np.ndarray, np.ndarray]:
        """The number of updates of each replica ``[R]`` after `rounds`, and the number of examples
        in them ``[R]``, out of `examples` drawn."""
        return np.full(self.replicas, rounds), np.full(self.replicas, examples)

    def gradients(self, batch: Split) -> dict[str, np.ndarray]:
        """The gradients of the mean loss on `batch` for replica 0, by name; updates the running
        statistics."""
        self._loss_and_gradient(0, batch, np.arange(len(batch.labels)), self.running[0])
        self.seen[0] += len(batch.labels)
        return {
            name: self.gradient[cells].astype(np.float64) for name, cells in self.tape.names.items()
        }

    def gradient_products(self, train: Split, order: np.ndarray) -> np.ndarray:
        """Inner products ``[R, K, K]`` of the mean gradients of batches `order` ``[R, K, b]``,
        without changing the state."""
        number = order.shape[1]
        found, rows = (
            np.empty((self.replicas, number, number)),
            np.empty((number, len(self.gradient)), self.dtype),
        )
        for r in range(self.replicas):
            running = self.running[r].copy()
            for row, index in zip(rows, order[r], strict=True):
                self._loss_and_gradient(r, train, index, running)
                row[:] = self.gradient
            found[r] = products_of(torch.from_numpy(rows))
        return found

    def _loss_and_gradient(
        self, r: int, split: Split, index: np.ndarray, running: np.ndarray
    ) -> float:
        """Store the gradient of the mean loss on the examples `index` in ``self.gradient``; returns
        the loss."""
        images, labels = _arrays(split)
        layout, memory = self._room(len(index))
        # An update without effect on the weights: rate, momentum and weight decay are zero.
        return step.train(
            layout.net,
            memory,
            self.gradient,
            self.p[r],
            self.velocity[r],
            running[0],
            running[1],
            images,
            labels,
            index[None],
            self.piece,
            np.zeros(1),  # rates
            0.0,  # momentum
            0,  # nesterov
            0.0,  # weight decay
            0.0,  # total of the losses
        )

    def _room(self, examples: int) -> tuple:
        """The layout for training and its memory, enlarged if necessary for the number of examples
        that are processed at once."""
        piece = examples if self.whole else piece_of(examples, self.b)
        if piece > self.piece:
            del self.memory[id(self.training)]
            self.piece, self.training = piece, lay_out(self.tape, piece, self.b)
            self.memory[id(self.training)] = np.zeros(self.training.size, self.dtype)
        return self.training, self.memory[id(self.training)]

    # --- for rules that choose the batch size (`training/engines/adaptive.py`) --------------------

    def moment_sums(self, r: int, train: Split, index: np.ndarray, sums: np.ndarray) -> float:
        """Add the moments of a block of examples to `sums` ``[2, P]``; returns the mean loss."""
        loss = self._loss_and_gradient(r, train, index, self.running[r])
        sums[0] += self.gradient
        if not hasattr(self, "scratch"):
            inputs = [
                self.tape.tensors[row[step.X]]
                for row in self.tape.rows
                if row[step.KIND] == step.LINEAR
            ]
            widest = (
                max([t.padded * t.height * t.width for t in inputs], default=0)
                + 2 * self.tape.widest
            )
            self.scratch = np.zeros((len(index) + 1) * widest, self.dtype)
        layout, memory = self._room(len(index))
        moments.add_squares(
            layout.net, memory, self.gradient, self.p[r], sums[1], self.scratch, len(index)
        )
        return loss

    def weighed(self, r: int, sums: np.ndarray, blocks: int, n: int, loss: float) -> Moments:
        """The moments for a rule from the sums over `blocks` blocks of n examples with mean loss
        `loss`."""
        end, momentum = self.tape.parameters, self.optimizer["momentum"]
        found = moments.weigh(sums[0, :end], sums[1, :end], self.velocity[r], blocks, n, momentum)
        return Moments(blocks * n, loss, *found)

    def apply(self, r: int, gradient: np.ndarray, lr: float) -> None:
        """Update replica r with a mean gradient."""
        momentum, decay = self.optimizer["momentum"], self.optimizer["weight_decay"]
        moments.apply(
            self.p[r], gradient, self.velocity[r], lr, momentum, decay, self.tape.parameters
        )

    def score(
        self, split: Split, statistics: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        statistics = self.running_statistics() if statistics is None else statistics
        losses = np.empty((self.replicas, len(split.labels)), self.dtype)
        correct = np.empty(losses.shape, np.bool_)
        for r in range(self.replicas):
            self._pass(
                r,
                split.images,
                statistics[r],
                step.FIXED,
                None,
                -1,
                losses[r],
                correct[r],
                split.labels,
            )
        return losses.astype(np.float64).mean(1), correct

    def exact_statistics(self, images: torch.Tensor) -> np.ndarray:
        """The mean and unbiased variance of each norm layer, averaged over chunks, ``[R, 2,
        channels]``."""
        found = np.zeros(self.running.shape)
        for r in range(self.replicas):
            seen = self._pass(r, images, self.running[r], step.OBSERVED, found[r])
            found[r] /= max(1, seen // (self.b or 1))
        return found.astype(self.dtype)

    def population_statistics(self, images: torch.Tensor) -> np.ndarray:
        """The mean and variance of each norm layer's input over all `images`, ``[R, 2, channels]``,
        where preceding layers already use their population statistics."""
        statistics = self.running_statistics()
        for number, layer in enumerate(self.tape.norms):
            at = self.training.net[3][number, 0]
            channels = slice(at, at + lanes(layer.channels))
            pixels = len(images) * next(
                self.tape.tensors[row[step.X]].height * self.tape.tensors[row[step.X]].width
                for row in self.tape.rows
                if row[step.NORM_NUMBER] == number
            )
            for r in range(self.replicas):
                sums = np.zeros(self.running.shape[1:])
                self._pass(r, images, statistics[r], step.POPULATION, sums, number)
                mean = sums[0] / pixels
                statistics[r, 0, channels] = mean[channels]
                statistics[r, 1, channels] = np.maximum(sums[1] / pixels - mean**2, 0)[channels]
        return statistics

    def running_statistics(self) -> np.ndarray:
        """Running means and variances ``[R, 2, channels]``, corrected for the bias of their start
        (`models/norm.py`)."""
        statistics = self.running.copy()
        if self.normalised:
            chunks = self.seen // (self.b or 1)
            for number, layer in enumerate(self.tape.norms):
                at = self.training.net[3][number, 0]
                part = statistics[:, :, at : at + lanes(layer.channels)]
                for r in range(self.replicas):
                    if chunks[r]:
                        part[r] /= 1 - (1 - layer.momentum) ** chunks[r]
                    else:
                        part[r, 0], part[r, 1] = 0, 1
        return statistics

    def _pass(
        self,
        r: int,
        images: torch.Tensor,
        statistics: np.ndarray,
        mode: int | np.integer,
        sums: np.ndarray | None,
        watched: int = -1,
        losses: np.ndarray | None = None,
        correct: np.ndarray | None = None,
        labels: torch.Tensor | None = None,
    ) -> int:
        """Run a pass of replica r over `images`; outputs that are None are not computed."""
        return step.evaluate(
            self.evaluation.net,
            self.memory[id(self.evaluation)],
            self.p[r],
            statistics[0],
            statistics[1],
            _last(images),
            np.empty(0, np.int64) if labels is None else labels.numpy(),
            self.slice,
            mode,
            watched,
            np.zeros((2, 0)) if sums is None else sums,
            np.empty(0, self.dtype) if losses is None else losses,
            np.empty(0, np.bool_) if correct is None else correct,
        )

    def finite(self) -> np.ndarray:
        return np.asarray(np.isfinite(self.p).all(1))

    def state(self) -> dict[str, np.ndarray]:
        found = {"p": self.p, "velocity": self.velocity, "running": self.running, "seen": self.seen}
        return {name: array.copy() for name, array in found.items()}

    def load(self, state: dict[str, np.ndarray]) -> None:
        self.p, self.velocity, self.running, self.seen = (
            state[name].copy() for name in ("p", "velocity", "running", "seen")
        )

    def weights(self, r: int) -> dict[str, np.ndarray]:
        """The parameters of replica r by name, each flattened in the order of the module's
        parameter."""
        return {name: self.p[r, cells] for name, cells in self.tape.names.items()}


def _last(images: torch.Tensor) -> np.ndarray:
    """``[N, C, H, W]`` as ``[N, H, W, C]``: a view of the channels-last images of `data/read.py`, a
    copy of others."""
    return np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())


def _arrays(split: Split) -> tuple[np.ndarray, np.ndarray]:
    return _last(split.images), split.labels.numpy()
