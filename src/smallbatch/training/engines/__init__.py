"""Engines: implementations of training for the replicas of a block. In each, a replica gets the
same bits as when trained by itself, or nearly the same.

    trainer.py     ReplicaTrainer, the interface to the training loop, with shapes; read this first
    modules.py     engines with PyTorch: a fused network of several replicas, or a single module
    alone.py       a single module may draw from Python's generators and keep numbers
    groups.py      fuse several networks as channel groups
    stacked.py     fuse several networks with torch.func.vmap, with convolutions as batched products
                   on GPUs
    compiled/      the compiled step, one replica after another (with its own guide)
    adaptive.py    rules that choose the batch size, on top of an engine
    factory.py     create the replicas by the name of an engine

Choice of the engine of a fleet:

    choose.py      the engines that support a network, and the fastest on this machine
    faithful.py    compare a user's network with its module, trained by torch, before it trains
    differences.py name what differs between the two
    starts.py      check that a network starts from its seed
    equivalence.py check that an engine agrees with separate modules before it is used
    sharing.py     reasons why replicas of a network cannot share a forward pass
    limits.py      the number of replicas that train at once, and padding that keeps their bits

Hardware: device.py (processor or GPU, precision), cuda.py (updates replayed from a CUDA graph).
"""
