"""A study whose name holds its whole configuration."""

SOURCE = "Linux documentation: path_resolution (names of at most 255 bytes)"
OUTCOME = "refused"
SAYS = "is too long; use at most 60 letters"


def run(user):
    user.plan(f"study={'depth16-' * 30}")
