"""Training: the points of a fleet as replicas that train together, each with a rate and a seed of
its own.

A *block* is the replicas that train at once. The path from a job to ``θ <- θ - ηg``, in reading
order:

    fleet.py       train_fleet: try the network out, choose an engine, go block by block
    loop.py        train_block, the loop: epochs, scores, checkpoints; read this first
    updates.py     which examples an update sees, moved where images are augmented
    engines/       ReplicaTrainer: what the loop asks of an engine, and the engines
    optimizers/    the step of each replica

What a block keeps and reports:

    history.py     what is kept of a replica, epoch by epoch, and its share of the wall time
    scoring.py     losses, correctness and the statistics of batch norm at fixed weights
    results.py     from that to what is reported of a point
    checkpoint.py  a block on disk, so that it survives an interruption
    heap.py        freed memory back to the system

What is known before training starts (batch sizes, epochs, rates) is in `schedules/timetable.py`.
"""

import os

# Matrix products of MKL round by where in memory a matrix begins, that is by a replica's place in
# its fleet, unless this is set before the first of them.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
