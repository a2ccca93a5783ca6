"""A study with a callback of Hydra that names os.system, trained by hand."""

from smallbatch.workflow.run_study import main as run_study

SOURCE = "hydra-ecosystem/hydra#3258"
OUTCOME = "refused"
SAYS = "grid.seeds: 0 is not a number of seeds"


def run(user):
    """Hydra would run the callback before anything is checked."""
    user.study(
        "t",
        model="{name: net, _target_: nets.Net}\nhydra: {callbacks: {a: {_target_: os.system, command: touch made}}}",
    )
    run_study(["--config-dir", "mine", "study=t", "grid.seeds=0"])
