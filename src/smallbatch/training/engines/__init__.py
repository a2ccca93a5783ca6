"""The ways in which replicas train, and how one is chosen."""
