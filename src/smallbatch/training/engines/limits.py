"""The number of replicas that train at once; without torch, for the prediction of memory
(`resources/memory_model.py`)."""

# Names of the engines (`factory.py`), usually the fastest first.
WAYS = (
    "compiled",
    "groups",
    "products",
    "vmap",
    "separate",
    "separate channels_last",
)
# m·replicas: more exceed the processor's cache, fewer are limited by Python's overhead.
IMAGES_AT_ONCE = {
    "cpu": 2048,
    "cuda": 8192,
}
WIDEST = {"cpu": 128, "cuda": 256}
# Examples of one replica at once; larger batches accumulate gradients over pieces, to limit memory.
AT_ONCE = 1024
TAIL = 32
PROBE_WIDTHS = (3, 7, 16)  # widths for comparing bits (`equivalence.py`)


def piece_of(m: int, b: int | None) -> int:
    """The number of examples in a batch of m that a replica processes at once, in whole chunks of
    the BN batch size b."""
    return m if m <= AT_ONCE else min(m, max(1, AT_ONCE // (b or 1)) * (b or 1))


def widths(engine: str, m: int, most: int, device: str = "cpu") -> list[int]:
    """Candidates for the number of replicas of batch size `m` that train at once on a `device`
    (cpu, cuda), if at most `most` fit in memory.

    Empty if `most` is too small for the engine.
    """
    if engine.startswith("separate"):
        return [1]
    if engine == "compiled":  # replicas train one after another: the width only limits the block
        return [min(WIDEST[device], most)]
    if most < 2:  # a block of one replica rounds differently from one of several
        return []
    most = min(WIDEST[device], max(2, IMAGES_AT_ONCE[device] // m), most)
    return sorted({most, max(2, most // 8)}, reverse=True)


def padding_replicas(engine: str, replicas: int, logits: int) -> int:
    """Number of padding replicas needed so that results do not depend on how points are packed.

    Channel groups of one replica round differently from groups of several. With vmap, a processor
    computes the last elements of a tensor (fewer than TAIL) one by one and rounds functions such as
    the sigmoid differently there. `logits` is the number of logits of one replica's batch, usually
    its smallest activation.
    """
    if engine == "vmap":
        return -(-TAIL // logits)
    return int(engine == "groups" and replicas == 1)
