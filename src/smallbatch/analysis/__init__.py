"""Pure functions on the tables of a study (pandas in, pandas or plain Python out)."""
