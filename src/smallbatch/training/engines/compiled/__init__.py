"""The compiled training step: a network of the usual layers trained by code made for it, one
replica after the other.

    trace.py, translate.py   an ordinary module -> a tape: its layers in order (torch.fx)
    layout.py      a tape -> where its activations lie in memory
    step.py        the step: forward, reverse, SGD; read this first
    products.py    convolutions and linear layers, all by the one product of tile.py
    norms.py, pixels.py, loss.py   the other layers, row by row with the vectors of vector.py
    moments.py     squares of single examples' gradients, for the rules that choose the batch size
    trainer.py     the replicas of a block, as the training loop uses them
    verify.py      comparison with the module in double precision, before anything trains
    cache.py, ready.py   where compiled code is kept, and who compiles it
    warm_up.py     compiles everything, part by part

Why it is here. Small batches of small networks are where PyTorch spends its time on anything but
arithmetic. This path costs some 1,800 lines and one dependency (Numba), and trains the digits net
3.2 to 87 times and ResNet-8 1.2 to 5.7 times as fast as the textbook loop, 2.5 to 15 times as fast
as ``vmap(grad)`` (results/reference/bench.csv, ``python -m smallbatch.bench``). One replica after
the other makes three things trivial: a replica can't depend on its neighbours, one that diverged
costs nothing once it has left, and each may have a batch size of its own.

Choices that were measured (one core with AVX-512, SGEMM of MKL 95 GF/s):

- Channels last, padded to a multiple of eight: every layer is a loop over whole vectors, and one product with other
  steps does the convolution, its two gradients and the linear layers at 70–98 GF/s without im2col (35 GF/s for a
  first layer with one channel). Written as LLVM vectors, because neither Numba nor LLVM vectorises or keeps
  sums in registers by itself here.
- A tape read at run time, not code generated per network: some 13 s of compiling once per machine for all networks (10 s
  on two cores), where code per network took 10–14 s for each.
- No reordering by the compiler (no ``reassoc``): the bits are the same with AVX2 and AVX-512, and so are the golden
  curves.
- The step of the digits net without norm reaches 36% of SGEMM's rate at m = 2 and 54% at m = 32, that of ResNet-8 on 32×32
  images 76–89%. What is left at m = 2 is the first layer (one channel), turning weights round for the
  transposed convolution, and rows of 64 numbers; from m = 128 on, memory: activations leave the second-level cache.
"""

import os

# Read when Numba is imported. Its default, 3, compiles a quarter longer to code of the same speed
# and with the same bits.
os.environ.setdefault("NUMBA_OPT", "2")
