"""Every number of a result that the documentation quotes is that of the committed tables."""

import re

import pandas as pd
import pytest
import yaml
from pages import ROOT, one_line, text

from smallbatch.analysis.best import BestRate, best_rates, read_best
from smallbatch.analysis.claims.claim import Claim, read_claims

REFERENCE = ROOT / "results" / "reference"
CASES = {  # rows of the table in docs/engines.md: network, size of images, norm
    "conv net 8×8, batch norm": ("conv", "8x8", "bn"),
    "conv net 8×8, ghost batch norm over 4": ("conv", "8x8", "ghost"),
    "conv net 8×8, no norm": ("conv", "8x8", "none"),
    "ResNet-8 16×16, batch norm": ("resnet8", "16x16", "bn"),
    "ResNet-8 32×32, batch norm": ("resnet8", "32x32", "bn"),
}
SCHEDULES = {  # rows of the table in docs/schedules.md
    "decay": "step (divide the rate by 4, three times)",
    "increase": "increase-batch (multiply the batch instead)",
} | {
    name: name
    for name in ("hybrid", "constant", "warmup", "cosine", "ba-sgd", "gradient-noise", "cabs")
}
SMITH = {  # rows of its second table: schedule and first m here, key of conf/paper/smith-2018.yaml
    "decay the rate": ("decay", 8),
    "increase the batch": ("increase", 8),
    "and a five times larger first rate": ("increase", 40),
    "and a larger momentum": ("increase-momentum", 200),
}


def claims(study: str) -> dict[str, Claim]:
    return {claim.claim: claim for claim in read_claims(REFERENCE / study / "claims.json")}


def table(study: str) -> pd.DataFrame:
    return pd.read_csv(
        REFERENCE / study / "best.csv", keep_default_na=False, na_values={"bn_batch_size": [""]}
    )


def signed(number: float, digits: int = 1) -> str:
    return f"{number:+.{digits}f}".replace("-", "−")


def interval(claim: Claim) -> str:
    return f"{signed(claim.ci_low)} to {signed(claim.ci_high)}"


def accuracy(rows: list[BestRate], **setting) -> str:
    (row,) = (
        row for row in rows if all(getattr(row, key) == value for key, value in setting.items())
    )
    return f"{row.test_accuracy:.1%}"


def about_digits() -> list[str]:
    """Sentences of the README about the default study, with the numbers of its tables."""
    found, rows = claims("digits"), best_rates(read_best(REFERENCE / "digits" / "best.csv"))
    small, bn, range_, range_bn = (
        found[name] for name in ("small-batch", "small-batch-bn", "stable-range", "stable-range-bn")
    )
    epochs, updates = (
        {"norm": "none", "budget": "epochs:10"},
        {"norm": "none", "budget": "updates:640"},
    )
    rises = [re.search(r"η̃·m is \+([\d.]+)", claim.found)[1] for claim in (range_, range_bn)]
    p = pd.read_csv(REFERENCE / "digits" / "rate_scaling.csv").query(
        "ghost == 0 and budget == 'epochs:10'"
    )
    fits = {row.norm: row for row in p.itertuples()}
    assert fits["bn"].lack_of_fit > 0.05 > fits["none"].lack_of_fit
    power = f"{fits['bn'].p:.2f} ({fits['bn'].ci_low:.2f} to {fits['bn'].ci_high:.2f})"
    seeds = re.search(r"some (\d+ seeds)", bn.decide_by)[1]
    rule, kept, large, even, equal = (
        found[name]
        for name in (
            "linear-scaling",
            "scaled-accuracy",
            "large-batch",
            "no-difference",
            "no-difference-updates",
        )
    )
    along = [one.found.partition("level of the verdict: ")[2] for one in (rule, kept)]
    pair = re.search(r"([\d,]+ seeds and) some ([\d,]+ test images)", equal.decide_by)
    ceiling = re.search(r"this data set has only (\d+)", equal.decide_by)[1]
    assert found["bn-batch"].found.endswith("an effect of 0.5 points or more is ruled out")
    assert "is an end of those tried" in found["bn-batch"].decide_by
    assert "m = 16, is the smallest tried" in large.decide_by
    same = {m: accuracy(rows, batch_size=m, **updates) for m in (16, 64, 256)}
    assert same[64] == same[256]
    return [
        f"| **{small.verdict}** without norm: {accuracy(rows, batch_size=2, **epochs)} at m = 2 against "
        f"{accuracy(rows, batch_size=64, **epochs)} at m = 64, {signed(small.estimate)} points ({interval(small)})",
        f"With batch norm **{bn.verdict}**: {accuracy(rows, batch_size=16, norm='bn', budget='epochs:10')} at m = 16 against "
        f"{accuracy(rows, batch_size=64, norm='bn', bn_batch_size=8)} at m = 64; "
        f"{seeds} would decide it with a chance of 80%",
        f"| **{range_.verdict}**: its upper end falls by {range_.estimate:.2f} octaves (factors of 2) per doubling of m "
        f"({range_.ci_low:.2f} to {range_.ci_high:.2f}), with batch norm by {range_bn.estimate:.2f}. The upper end of η *rises*, "
        f"by {rises[0]} and {rises[1]}",
        f"| **{found['bn-batch'].verdict}**: a gain of half a point is ruled out ({signed(found['bn-batch'].estimate)}, "
        f"{interval(found['bn-batch'])})",
        f"| **{rule.verdict}**: {along[0]} |",
        f"| **{kept.verdict}** ({signed(kept.estimate)} points, {interval(kept)}): {along[1]} |",
        f"| **{large.verdict}**: {same[16]} at m = 16, {same[64]} at m = 64 and 256, without norm",
        f"| **{even.verdict}** at 10 epochs ({even.estimate:.1f} points). **{equal.verdict.capitalize()}** at 640 updates: "
        f"{pair[1]} {pair[2]} would decide it, and the data set has {ceiling} for testing |",
        f"with 640 updates instead of 10 epochs, m = 256 goes from {accuracy(rows, batch_size=256, **epochs)} to {same[256]}.",
        f"(p value of the bend {fits['none'].lack_of_fit:.3f}). With batch norm m^p with p = {power} fits",
        f"10 seeds *and* the {small.test_images} test images",
    ]


def about_schedules() -> list[str]:
    """Rows and sentences of docs/schedules.md."""
    rows, found = (
        table("schedules-digits").set_index(["schedule", "batch_size"]),
        claims("schedules-digits"),
    )
    same = found["increase-matches-decay"]
    said = [
        f"| {title} | {row.test_accuracy:.1%} | {round(row.updates):,} | {row.seconds_alone:.1f} s |"
        for name, title in SCHEDULES.items()
        for row in [rows.loc[(name, 8)]]
    ]
    said += [
        f"within ±{same.ci_high:.1f} points",
        re.search(r"about (\d+ test images)", same.decide_by)[1],
    ]
    assert "not one prediction differed" in same.decide_by
    # "Whether ... is undecided", said of both
    for study in ("smith-cifar10-preview", "ba-sgd-fashion-preview"):
        assert {claim.verdict for claim in claims(study).values()} == {"undecided"}
    smith = table("smith-cifar10-preview").set_index(["schedule", "batch_size"])
    for title, key in SMITH.items():
        row = smith.loc[key]
        said.append(f"| {title} | {row.test_accuracy:.1%} | {round(row.updates):,} |")
    yin = table("ba-sgd-fashion-preview").query("batch_size == 32").set_index("schedule")
    adaptive, fixed, plain, usual = (
        yin.loc[name] for name in ("ba-momentum", "fixed-momentum", "ba-sgd", "fixed")
    )
    assert plain.edge and not usual.edge
    return [
        *said,
        f"BA-Momentum takes {adaptive.updates:.0f} updates where fixed m = 32 takes {fixed.updates:.0f}, and its training "
        f"loss is {adaptive.train_loss:.2f} against {fixed.train_loss:.2f}; BA-SGD reaches "
        f"{plain.train_loss:.2f} against {usual.train_loss:.2f}",
        f"BA-Momentum takes {adaptive.seconds_alone:.0f} s where fixed m = 32 takes {fixed.seconds_alone:.1f} s",
    ]


def about_moments() -> list[str]:
    """How much longer a block with moments takes than an update without them, from the
    calibrations."""
    ratios = []
    for study, m in (("schedules-digits", 8), ("ba-sgd-fashion-preview", 32)):
        rows = (
            pd.read_csv(REFERENCE / study / "calibration.csv")
            .query(f"batch_size == {m}")
            .set_index("step")
        )
        without = rows.drop("round").iloc[0]
        ratios.append(
            [
                rows.loc["round", key] / without[key]
                for key in ("seconds_update_fleet", "seconds_update_alone")
            ]
        )
    (digits, digits_alone), (fashion, fashion_alone) = ratios
    return [
        f"takes {digits:.1f} times as long as an update without them on the digits network, and {fashion:.1f} times on",
        f"it takes {digits_alone:.1f} and {fashion_alone:.1f} times as long",
    ]


def about_speed() -> list[str]:
    """The rows of the table in docs/engines.md."""
    key = ["model", "image", "norm", "batch_size", "way"]
    own, jax = (
        pd.read_csv(REFERENCE / name, keep_default_na=False).set_index(key)["images_per_second"]
        for name in ("bench.csv", "bench-jax.csv")
    )
    said = []
    for title, case in CASES.items():
        cells = []
        for m in (2, 8, 32, 128, 256):
            at = (*case, m)
            ratios = (
                [own[(*at, "fleet")] / own[(*at, way)] for way in ("textbook", "vmap")]
                if (*at, "fleet") in own
                else []
            )
            if ratios:
                ratios += (
                    [jax[(*at, "fleet")] / jax[(*at, "jax")]] if (*at, "jax") in jax else [None]
                )
            cells.append(
                " / ".join(
                    "–" if r is None else f"{r:.0f}" if r >= 10 else f"{r:.1f}" for r in ratios
                )
            )
        said.append(f"| {' | '.join([title, *cells])} |")
    return said


SAID = {
    "README.md": about_digits,
    "docs/schedules.md": lambda: about_schedules() + about_moments(),
    "docs/engines.md": about_speed,
}


@pytest.mark.parametrize("page", SAID)
def test_quoted_results_are_those_of_the_committed_tables(page):
    page, said = one_line(text(page)), [one_line(words) for words in SAID[page]()]
    assert [words for words in said if words not in page] == []


def test_no_other_accuracy_is_quoted():
    """Accuracies are written with a decimal; those that are left are the paper's."""
    left = []
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        page = str(path.relative_to(ROOT))
        words = one_line(text(page))
        for one in sorted(SAID[page]() if page in SAID else [], key=len, reverse=True):
            words = words.replace(one_line(one), "")
        left += re.findall(r"\d\d\.\d%", words)
    paper = yaml.safe_load((ROOT / "conf" / "paper" / "smith-2018.yaml").read_text())
    reported = " ".join(one["value"] for one in paper["reported"].values())
    assert len(left) == len(SMITH) and [one for one in left if one not in reported] == []


def test_studies_of_the_reference_have_the_seeds_that_are_named():
    page = one_line(text("docs/schedules.md"))
    for study, words in {
        "schedules-digits": "(10 seeds, 517 test images, 20 epochs",
        "smith-cifar10-preview": "(3 seeds)",
        "ba-sgd-fashion-preview": "(3 seeds, 6 epochs)",
    }.items():
        seeds = set(table(study)["seeds"])
        assert (
            seeds == {int(re.search(r"(\d+) seeds", words)[1])}
            and f"results/reference/{study})** {words}" in page
        )
