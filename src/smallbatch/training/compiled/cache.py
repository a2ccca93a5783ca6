import numba
from numba import njit
numba.config.SLP_VECTORIZE = 1
def jit(f): return njit(error_model="numpy", boundscheck=False, fastmath={"contract","reassoc","nsz","arcp"}, cache=False)(f)
