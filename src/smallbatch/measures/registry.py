"""The list of per-epoch measures (without torch).

To add one:
1. its own file here, with a class that implements `EpochMeasure` (`measure.py`; `noise_scale.py`
   is an example);
2. its key in `MeasureKeys` and an instance in `EPOCH_MEASURES`, below;
3. its figure: `figures/<figure>.py`, a caption in `report/captions.py`, and a row in the
   documentation's table.
Configuration, plan, memory, cost, training loop, tables and MLflow use the list. The default of its
key is null, so that the digests of existing points do not change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smallbatch.measures.measure import EpochMeasure
from smallbatch.measures.noise_scale import NoiseScale


@dataclass
class MeasureKeys:
    """Keys of `evaluation` in a study."""

    noise_scale: float | None = (
        None  # share of the training images used to measure the gradient noise scale each epoch;
    )
    # null: not measured


EPOCH_MEASURES: tuple[EpochMeasure, ...] = (NoiseScale(),)


def asked_for(evaluation: Mapping[str, Any]) -> list[EpochMeasure]:
    """The measures enabled in the `evaluation` settings of a study or fleet."""
    return [measure for measure in EPOCH_MEASURES if evaluation.get(measure.key)]
