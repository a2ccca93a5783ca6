"""The store of trained points, and its tables."""
