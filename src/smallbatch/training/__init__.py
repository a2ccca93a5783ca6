"""Training: the points of a fleet as replicas that train together, each with a rate and a seed of its own.

A *block* is the replicas that train at once. The path from a job to ``θ <- θ - ηg``, in reading order:

    fleet.py       train_fleet: try the network out, choose an engine, go block by block
    loop.py        train_block, the loop: epochs, scores, checkpoints; read this first
    trainer.py     ReplicaTrainer: what the loop asks of an engine, with shapes
    updates.py     which examples an update sees, moved where images are augmented
    modules.py     the engines of PyTorch: a fused network of several replicas, or one module alone
    sgd.py, adamw.py, optimizers.py   the step of each replica

What a block keeps and reports:

    history.py     what is kept of a replica, epoch by epoch, and its share of the wall time
    evaluate.py    losses, correctness and the statistics of batch norm at fixed weights
    results.py     from that to what is reported of a point
    checkpoint.py  a block on disk, so that it survives an interruption

Engines, and which of them trains a fleet (all give the replica the bits that it would have alone, or close to it):

    factory.py     from the name of an engine to the replicas
    groups.py      several networks as one: channel groups
    stacked.py     several networks as one: torch.func.vmap, with convolutions as batched products on GPUs
    compiled/      the compiled step, one replica after the other (its own guide is there)
    adaptive.py    rules that choose the batch size, on top of an engine
    choose.py      what is possible for a network, and what is fastest on this machine
    widths.py      how many replicas train at once, and where padding keeps their bits
    verify.py      an engine is used only after it agrees with the modules apart
    alone.py       why replicas of a network cannot share a forward

Machines: device.py (processor or GPU, precision), cuda.py (updates replayed from a CUDA graph), heap.py (freed memory
back to the system). What is known before training starts (batch sizes, epochs, rates) is in `schedules/timetable.py`.
"""

import os

# Matrix products of MKL round by where in memory a matrix begins, that is by a replica's place in its fleet,
# unless this is set before the first of them.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
