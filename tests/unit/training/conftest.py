import subprocess
import sys

import pytest

COMPILE = """
import torch
from smallbatch.training.engines.compiled.ready import ensure_compiled
from smallbatch.training.engines.compiled.warm_up import compile_all
ensure_compiled(2)
torch.set_default_dtype(torch.float64)
compile_all(2)
"""


@pytest.fixture(scope="session", autouse=True)
def compiled_once(made_once):
    """The training step in both precisions, which else each of pytest's processes would compile."""
    made_once("kernels", lambda folder: subprocess.run([sys.executable, "-c", COMPILE], check=True))
