"""MLflow, the window on the runs."""
