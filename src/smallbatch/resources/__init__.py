"""Memory, time and cost of training."""
