"""A data set whose download address holds a password."""

SOURCE = "zenml-io/zenml#2443"
OUTCOME = "refused"
SAYS = "dataset.download.url: it holds a user name or a password, which would be written to plans; leave them out, and write them into ~/.netrc"


def run(user):
    user.plan("hydra=dataset=mnist dataset.download.url=http://me:s3cret@127.0.0.1/")
