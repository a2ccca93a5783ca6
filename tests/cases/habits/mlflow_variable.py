"""MLflow's own variable MLFLOW_TRACKING_URI, and no tracking.uri."""

SOURCE = "Lightning-AI/pytorch-lightning#6894"
OUTCOME = "warned"
SAYS = "MLFLOW_TRACKING_URI is set and not used: runs are logged in results/mlflow.db"


def run(user):
    user.set("MLFLOW_TRACKING_URI", "http://127.0.0.1:5055")
    user.workflow()
