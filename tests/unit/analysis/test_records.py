"""What is missing stays missing: null in a file reaches code as None, and text as text."""

import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from checkout import REPOSITORY
from made import claim, table

from smallbatch.analysis.best import best_rates, best_settings, read_best
from smallbatch.analysis.claims.claim import read_claims, write_claims
from smallbatch.analysis.results import Results
from smallbatch.compare import changed_best
from smallbatch.core.errors import UserError
from smallbatch.figures.claims import draw
from smallbatch.report.tables import settings_table

GOOD = {0.1: (0.8, 0.7), 0.2: (0.9, 0.8), 0.4: (0.8, 0.7)}
DEAD = {0.1: (0.1, 0.1, "diverged")}


def test_null_in_claims_json_is_none_and_the_file_is_written_as_it_was(tmp_path):
    path = tmp_path / "claims.json"
    write_claims([claim(), claim("d", norm="bn", ci_low=None, ci_high=None)], path)
    text = path.read_text()
    one, two = read_claims(path)
    assert one.norm is None and one.bootstrap is None and two.norm == "bn" and two.ci_low is None
    write_claims([one, two], path)
    assert path.read_text() == text


def test_claims_of_another_version_are_refused_with_the_file_and_what_to_do(tmp_path):
    path = tmp_path / "claims.json"
    write_claims([claim()], path)
    (record,) = json.loads(path.read_text())
    for other in (
        record | {"more": 1},
        {key: value for key, value in record.items() if key != "needs"},
    ):
        path.write_text(json.dumps([other]))
        with pytest.raises(
            UserError, match=r"claims\.json: not the claims of this version .*(more|needs)"
        ):
            read_claims(path)


def test_the_claims_figure_names_a_claim_about_every_norm_without_a_norm(tmp_path):
    claims = [
        claim(statement="Small is better"),
        claim("d", statement="Small is better", norm="bn"),
    ]
    write_claims(claims, tmp_path / "claims.json")
    figure, data = draw(Results({}, pd.DataFrame(), None, tmp_path))
    (axes,) = figure.axes
    names = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert names == ["Small is better (1 epoch)", "Small is better, batch norm (1 epoch)"]
    data.to_csv(tmp_path / "claims.csv", index=False)
    assert "nan" not in (tmp_path / "claims.csv").read_text()


@pytest.mark.parametrize("name", ["NA", "null", "None", "nan"])
def test_a_schedule_may_be_called_what_pandas_takes_for_missing(tmp_path, name):
    best = best_settings(pd.concat([table(GOOD, schedule=name), table(DEAD, m=16, schedule=name)]))
    best.to_csv(tmp_path / "best.csv", index=False)
    read = read_best(tmp_path / "best.csv")
    pd.testing.assert_frame_equal(read, best, check_dtype=False)
    assert [row.schedule for row in best_rates(read)] == [name, name]
    assert settings_table(read)["schedule"].tolist() == [name, name]


def test_a_setting_that_never_trains_has_none_where_others_have_numbers(tmp_path):
    best = best_settings(pd.concat([table(GOOD), table(DEAD, m=16)]))
    good, dead = best_rates(best)
    assert good.base_lr == 0.2 and good.bn_batch_size is None and not good.edge
    assert (
        dead.base_lr is None
        and dead.lr is None
        and dead.test_accuracy is None
        and dead.ci_low is None
    )
    rows = settings_table(best).to_dict("records")
    assert rows[1]["best η̃"] == "none trains" and rows[1]["test (%)"] == rows[1]["η = η̃·m"] == "–"
    other = best_settings(pd.concat([table(GOOD), table(GOOD, m=16), table(GOOD, m=32)]))
    changed = changed_best(best, other).to_dict("records")
    assert [row["before"] for row in changed] == ["none trains", "–"]
    assert all(row["after"] == "η̃ = 0.2, 81.00%, 3 seeds" for row in changed)


REFERENCE = REPOSITORY / "results" / "reference"


@pytest.mark.parametrize(
    "path", sorted(REFERENCE.glob("*/claims.json")), ids=lambda path: path.parent.name
)
def test_the_committed_claims_are_read_and_written_to_the_last_byte(path, tmp_path):
    write_claims(read_claims(path), tmp_path / "claims.json")
    assert (tmp_path / "claims.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "path", sorted(REFERENCE.glob("*/claims.json")), ids=lambda path: path.parent.name
)
def test_the_committed_claims_are_drawn_each_with_its_statement(path):
    figure, data = draw(Results({}, pd.DataFrame(), None, path.parent))
    assert len(data) == len(read_claims(path)) > 0
    names = "\n".join(label.get_text() for axes in figure.axes for label in axes.get_yticklabels())
    assert "nan" not in names and "None" not in names
    plt.close(figure)
