"""Networks, one file a family, and the norm layers that they take."""
