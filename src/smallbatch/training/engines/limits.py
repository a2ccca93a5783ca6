"""How many replicas train side by side: known without torch, since memory is predicted from it
(`resources/memory_model.py`)."""

# the best first, as a rule (`factory.py`)
WAYS = (
    "compiled",
    "groups",
    "products",
    "vmap",
    "separate",
    "separate channels_last",
)
# m·replicas: wider blocks leave the cache, narrower wait for Python
IMAGES_AT_ONCE = {
    "cpu": 2048,
    "cuda": 8192,
}
WIDEST = {"cpu": 128, "cuda": 256}
AT_ONCE = 1024  # examples of one replica; a larger batch adds up the gradients of pieces, so memory stays bounded
TAIL = 32
PROBE_WIDTHS = (3, 7, 16)  # widths at which bits are compared (`equivalence.py`)


def piece_of(m: int, b: int | None) -> int:
    """How many examples of a batch of m a replica computes at once: whole chunks of the BN batch
    size b."""
    return m if m <= AT_ONCE else min(m, max(1, AT_ONCE // (b or 1)) * (b or 1))


def widths(engine: str, m: int, most: int, device: str = "cpu") -> list[int]:
    """How many replicas of batch size `m` may train at once on a `device` (cpu, cuda), where memory
    holds `most`.

    Empty if that is too few for the way.
    """
    if engine.startswith("separate"):
        return [1]
    if engine == "compiled":  # replicas follow each other: the width only bounds a block
        return [min(WIDEST[device], most)]
    if most < 2:  # a block of one replica rounds differently from one of several
        return []
    most = min(WIDEST[device], max(2, IMAGES_AT_ONCE[device] // m), most)
    return sorted({most, max(2, most // 8)}, reverse=True)


def padding_replicas(engine: str, replicas: int, logits: int) -> int:
    """Number of padding replicas needed so that results do not depend on how points are packed.

    Channel groups of one replica round differently from groups of several. Under vmap a processor
    takes the last elements of a tensor (fewer than TAIL) one by one, and rounds functions such as
    the sigmoid in another way there; `logits`, those of one replica's batch, are as a rule its
    smallest activations.
    """
    if engine == "vmap":
        return -(-TAIL // logits)
    return int(engine == "groups" and replicas == 1)
