"""A locale without umlauts, and a study with some in its title."""

from smallbatch.planning.files import study_file

SOURCE = "SWE-agent/mini-swe-agent#892"
OUTCOME = "trains"


CODE = """
from pathlib import Path
from smallbatch.config.compose import compose
from smallbatch.core.errors import main_errors
from smallbatch.planning.files import plan_study, write_plan
with main_errors():
    plan = plan_study(compose("t", [], "mine"), "mine", trace=False)
    print(write_plan(plan, Path("results")).name, plan.study["title"])
"""


def run(user):
    user.study("t", title="Größe η")
    expected = study_file(user.plan("study=t", "conf=mine"), user.path("results"))
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    assert user.python(CODE, locale).split()[0] == expected.name
    assert "Größe η" in expected.read_text(encoding="utf-8")
