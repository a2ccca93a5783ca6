"""A tracking server without http:// in its address."""

SOURCE = "MLflow documentation: Tracking Server (set_tracking_uri)"
OUTCOME = "refused"
SAYS = (
    "tracking.uri: '127.0.0.1:5055' is not the address of a tracking server; write http://HOST:PORT"
)


def run(user):
    user.study("t")
    user.plan("study=t", "conf=mine", "hydra=tracking.uri=127.0.0.1:5055")
