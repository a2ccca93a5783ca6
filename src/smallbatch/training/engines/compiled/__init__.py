"""The compiled training step: networks of common layers trained by compiled code, one replica after
another.

    trace.py, translate.py   convert a module to a tape, the list of its layers in order (torch.fx)
    layout.py      place the activations of a tape in memory
    step.py        the step: forward, backward, SGD; read this first
    products.py    convolutions and linear layers, with the product of tile.py
    norms.py, pixels.py, loss.py   the other layers, row by row with the vectors of vector.py
    moments.py     squared per-example gradients, for the rules that choose the batch size
    trainer.py     the replicas of a block, for the training loop
    verify.py      comparison with the module in double precision, before training
    cache.py, ready.py   the cache of compiled code and its lock
    warm_up.py     compiles everything, part by part

Motivation. With small batches and small networks, PyTorch spends most of its time on overhead. This
engine has about 1,800 lines and one dependency (Numba). It trains the digits net 3.2 to 87 times
and ResNet-8 1.2 to 5.7 times as fast as the textbook loop, 2.5 to 15 times as fast as
``vmap(grad)`` (results/reference/bench.csv, ``python -m smallbatch.bench``). Training one replica
after another simplifies three things: a replica cannot depend on other replicas, a diverged replica
costs nothing after it is dropped, and each replica can have its own batch size.

Choices based on measurements (one core with AVX-512; SGEMM of MKL reaches 95 GF/s):

- Channels last, padded to a multiple of eight: every layer is a loop over whole vectors. One
  product with different strides computes the convolution, its two gradients and the linear layers
  at 70–98 GF/s without im2col (35 GF/s for a first layer with one channel). It is written as LLVM
  vectors, because Numba and LLVM do not vectorise it or keep sums in registers automatically.
- A tape read at run time instead of code generated per network: about 13 s of compilation once per
  machine for all networks (10 s on two cores), compared with 10–14 s for each network.
- No reordering by the compiler (no ``reassoc``): AVX2 and AVX-512 give the same bits, and so the
  same golden curves.
- The step of the digits net without norm reaches 36% of SGEMM's rate at m = 2 and 54% at m = 32,
  the step of ResNet-8 on 32×32 images 76–89%. The remaining costs at m = 2 are the first layer (one
  channel), rotating weights for the transposed convolution, and rows of only 64 numbers; from
  m = 128 on, activations exceed the second-level cache.
"""

import os

# Numba reads this when imported. Its default, 3, takes a quarter longer to compile and gives code
# of the same speed and with the same bits.
os.environ.setdefault("NUMBA_OPT", "2")
