"""What is measured of training beside its losses."""
