"""The ways in which replicas train. All give a replica the bits that it would have alone, or close
to it.

    trainer.py     ReplicaTrainer: what the training loop asks of an engine, with shapes; read this first
    modules.py     the engines of PyTorch: a fused network of several replicas, or one module alone
    alone.py       what one module alone may do: draw from Python's generators, keep numbers
    groups.py      several networks as one: channel groups
    stacked.py     several networks as one: torch.func.vmap, with convolutions as batched products on GPUs
    compiled/      the compiled step, one replica after the other (its own guide is there)
    adaptive.py    rules that choose the batch size, on top of an engine
    factory.py     from the name of an engine to the replicas

Which of them trains a fleet:

    choose.py      what is possible for a network, and what is fastest on this machine
    faithful.py    a user's network trains only after it agrees with its module, trained by torch alone
    differences.py in what the two differ
    starts.py      whether a network starts from its seed
    equivalence.py an engine is used only after it agrees with the modules apart
    sharing.py     why replicas of a network cannot share a forward
    limits.py      how many replicas train at once, and where padding keeps their bits

Machines: device.py (processor or GPU, precision), cuda.py (updates replayed from a CUDA graph).
"""
