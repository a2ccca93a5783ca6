"""What training takes: memory, seconds, cost."""
