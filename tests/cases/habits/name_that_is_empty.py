"""A model whose name is an empty text."""

SOURCE = "Snakemake documentation: Wildcards (a constraint that a name does not meet)"
OUTCOME = "refused"
SAYS = "model.name: '' is not a name; use letters, digits, - and _"


def run(user):
    user.plan("""hydra=model.name="" grid.seeds=2""")
