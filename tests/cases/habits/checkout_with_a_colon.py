"""A checkout in a folder with a colon in its name, which separates the folders of PYTHONPATH."""

from smallbatch.workflow.snakefile import jobs_find

SOURCE = "Python documentation: Command line and environment (PYTHONPATH)"
OUTCOME = "refused"
SAYS = "is not supported; move or rename the checkout"


def run(user):
    user.set("PYTHONPATH", None)
    jobs_find("/data/run 12:30/src")
