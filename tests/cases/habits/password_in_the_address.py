"""A tracking server whose address holds a password."""

SOURCE = "zenml-io/zenml#2443"
OUTCOME = "refused"
SAYS = "tracking.uri: it holds a user name or a password, which would be written to plans, logs and the report; leave them out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"


def run(user):
    user.study("t")
    user.plan("study=t", "conf=mine", "hydra=tracking.uri=http://me:s3cret@127.0.0.1:5055")
