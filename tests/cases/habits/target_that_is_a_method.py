"""A network that a method of an object makes."""

SOURCE = "Hydra documentation: Instantiating objects with Hydra (_target_ of a class method)"
OUTCOME = "refused"
SAYS = (
    "_target_: nets.Net.forward is a method of an object; make it a @classmethod or a @staticmethod"
)


def run(user):
    user.study("t", model="{name: x, _target_: nets.Net.forward}")
    user.plan("study=t", "conf=mine")
