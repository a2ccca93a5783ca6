"""The training engine: fleets of replicas, trained together."""

import os

# Matrix products of MKL round by where in memory a matrix begins, that is by a replica's place in its fleet,
# unless this is set before the first of them.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
