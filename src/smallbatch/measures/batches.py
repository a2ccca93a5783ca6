"""How many examples a measurement takes: known without torch, since memory is predicted from it."""

from smallbatch.records import Fleet

BATCHES = 8  # small batches of a measurement of the noise scale


def small_batch(fleet: Fleet, train_size: int) -> int:
    """The examples of each, a multiple of the BN batch size: together the share ``evaluation.noise_scale`` of the set."""
    unit = fleet.get("bn_batch_size") or 1
    return max(1, int(fleet["evaluation"]["noise_scale"] * train_size) // BATCHES // unit) * unit
