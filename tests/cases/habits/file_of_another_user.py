"""A results folder of another user, who gave nobody else the right to write."""

from smallbatch.core.errors import UserError, of_another_user

SOURCE = "payu-org/payu#652"
OUTCOME = "refused"
SAYS = "and you may not write it; work in a folder of your own, or share this one: a common group, umask 002 for each of you"


def run(user):
    said = user.as_nobody(lambda: of_another_user("/etc/passwd"))
    raise UserError(said)
