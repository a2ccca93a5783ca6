"""A tracking server whose address holds a password with characters that Hydra cannot read."""

SOURCE = "zenml-io/zenml#2443"
OUTCOME = "refused"
SAYS = "http://...@127.0.0.1"


def run(user):
    user.plan("hydra=tracking.uri=http://me:s3;/cret@127.0.0.1:5055")
