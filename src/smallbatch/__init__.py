"""smallbatch: measure which batch size, learning rate and batch-norm batch size to use."""

__version__ = "0.1.0"
