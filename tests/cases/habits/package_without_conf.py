"""The package installed from a wheel, which has no studies."""

from smallbatch.workflow.run_study import main as run_study

SOURCE = "Hydra documentation: Packaging an application (config files in a wheel)"
OUTCOME = "refused"
SAYS = "there is no such folder; an installed package has no studies: clone the repository"


def run(user):
    user.replace("smallbatch.config.own_folder.CONF", user.path("conf"))
    run_study(["--help"])
