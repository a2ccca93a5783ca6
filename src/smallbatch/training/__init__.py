"""Training: the points of a fleet as replicas that train together, each with its own learning rate
and seed.

A *block* is a set of replicas that train at the same time. The path from a job to ``θ <- θ - ηg``,
in reading order:

    fleet.py       train_fleet: test the network, choose an engine, train block by block
    loop.py        train_block, the loop: epochs, scores, checkpoints; read this first
    updates.py     the examples of each update, with augmentation
    engines/       ReplicaTrainer, the interface between the loop and an engine, and the engines
    optimizers/    the optimizer step of each replica

History and results of a block:

    history.py     per-replica history, epoch by epoch, and each replica's share of the wall time
    scoring.py     losses, correctness and batch-norm statistics at fixed weights
    results.py     the reported results of each point
    checkpoint.py  saving and loading a block
    heap.py        returning freed memory to the system

Batch sizes, epochs and rates, which are known before training, are in `schedules/timetable.py`.
"""

import os

# Without this setting, rounding in MKL's matrix products depends on the memory alignment of a
# matrix, and so on a replica's position in its block. It must be set before the first product.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
