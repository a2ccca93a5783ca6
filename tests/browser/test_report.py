"""The report in a real browser, from a file, without a network."""

import json
import re

import pytest
from browser import CHROMIUM, ask, chromium, console_and_requests
from PIL import Image

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser here: apt-get install -y chromium"),
]
DARK = "--blink-settings=preferredColorScheme=0"
ROWS = "[...document.querySelectorAll('#points-table tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"
NAMES = "[...document.querySelectorAll('#points-table thead tr:first-child th')].map((cell) => cell.textContent)"


@pytest.fixture(scope="module")
def page(reported):
    return reported.results / "tiny" / "report.html"


@pytest.fixture(scope="module")
def names(page, tmp_path_factory):
    return ask(page, tmp_path_factory.mktemp("names"), NAMES)


def test_the_page_shows_every_figure_with_values_on_its_marks(page, tmp_path):
    figures = ask(
        page,
        tmp_path,
        "[...document.querySelectorAll('figure')].map((one) => {"
        "const box = one.querySelector('svg').getBoundingClientRect();"
        "return [one.id, box.width, box.height, one.querySelectorAll('use title').length,"
        " one.querySelector('svg').getAttribute('aria-label').length] })",
    )
    assert [name for name, *_ in figures][:3] == [
        "claims",
        "best_by_batch_size",
        "accuracy_by_time",
    ] and len(figures) == 10
    for name, width, height, marks, label in figures:
        assert width > 300 and height > 100 and label > 40, name
        # of two batch sizes there is no fit
        assert marks > 0 or name in ("rate_heat_map", "rate_scaling"), name


def test_nothing_is_asked_from_a_network_and_the_console_stays_empty(page, tmp_path):
    assert console_and_requests(f"file://{page}", tmp_path) == ([], [])


def test_an_error_and_a_request_would_have_been_seen(page, tmp_path):
    """The test above can fail: a page that does both is caught."""
    bad = tmp_path / "bad.html"
    bad.write_text("<script>fetch('http://127.0.0.1:9/x'); nothing()</script>")
    console, requests = console_and_requests(f"file://{bad}", tmp_path)
    assert any("nothing is not defined" in line for line in console) and requests == [
        "http://127.0.0.1:9/x"
    ]


def test_points_are_sorted_by_a_press_on_a_name_and_back(page, names, tmp_path):
    press = "document.querySelectorAll('#points-table thead button')[{}].click()"
    assert names[:4] == ["m", "norm", "budget", "η̃"] and names[-1] == "MLflow"
    accuracy = names.index("test %")
    rows = ask(page, tmp_path, f"{press.format(accuracy)};\n{ROWS}")
    values = [float(row[accuracy]) for row in rows]
    assert len(rows) == 24 and values == sorted(values) and len(set(values)) > 3
    turned = ask(
        page,
        tmp_path,
        f"{press.format(accuracy)};\n{press.format(accuracy)};\n[{ROWS}, "
        f"document.querySelectorAll('#points-table th')[{accuracy}].getAttribute('aria-sort')]",
    )
    assert [float(row[accuracy]) for row in turned[0]] == values[::-1] and turned[1] == "descending"


@pytest.mark.parametrize(
    ("column", "words", "kept"),
    [
        ("m", ">8", 12),
        ("m", "8", 12),
        ("norm", "no norm", 12),
        ("η̃", "2**-6", 8),
        ("η̃", "0.01..0.02", 8),
        ("m", ">99", 0),
        ("m", "many", 24),
    ],
)
def test_points_are_filtered(page, names, tmp_path, column, words, kept):
    place = names.index(column)
    script = (
        f"const field = document.querySelectorAll('.filters td')[{place}].firstChild;\nfield.value = {json.dumps(words)};\n"
        f"field.dispatchEvent(new Event('input'));\n[{ROWS}, document.querySelector('[role=status]').textContent, field.getAttribute('aria-invalid')]"
    )
    rows, said, invalid = ask(page, tmp_path, script)
    assert len(rows) == kept and said == (
        f"1–{kept} of {kept} points" if kept else "no point is like that"
    )
    assert invalid == ("true" if words == "many" else "false")


def test_the_table_can_be_used_with_the_keyboard_alone(page, tmp_path):
    """Names, filters and pages are buttons and fields; whatever scrolls can be reached."""
    script = (
        "[document.querySelectorAll('#points-table th button').length, "
        "[...document.querySelectorAll('#points-table input, #points-table select')].every((one) => one.getAttribute('aria-label')), "
        "[...document.querySelectorAll('.wide, .drawing, pre')].every((one) => one.tabIndex === 0), "
        "[...document.querySelectorAll('nav a')].every((one) => document.getElementById(one.hash.slice(1)))]"
    )
    assert ask(page, tmp_path, script) == [11, True, True, True]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [500, 1300])
def test_nothing_is_wider_than_the_screen_and_text_can_be_read(page, tmp_path, width, colours):
    flags = [f"--window-size={width},900", *([DARK] if colours == "dark" else [])]
    script = (
        "const seen = (value) => value.match(/[\\d.]+/g).slice(0, 3).map((one) => one / 255);\n"
        "const light = (rgb) => rgb.map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4).reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0);\n"
        "const paper = light(seen(getComputedStyle(document.body).backgroundColor));\n"
        "const contrast = (one) => { const text = light(seen(getComputedStyle(one).color)); return (Math.max(text, paper) + 0.05) / (Math.min(text, paper) + 0.05) };\n"
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth, paper, "
        "Math.min(...[...document.querySelectorAll('main p, main a, main td, main th, figcaption, caption, .verdict, summary, small')].map(contrast))]"
    )
    scroll, client, paper, lowest = ask(page, tmp_path, script, *flags)
    assert scroll <= client and (paper < 0.1) == (colours == "dark")
    assert lowest >= 4.5  # WCAG AA
    chromium(tmp_path / "shot", *flags, f"--screenshot={tmp_path / 'shot.png'}", f"file://{page}")
    shown = Image.open(tmp_path / "shot.png").convert("L")
    assert shown.size[0] == width and len(shown.getcolors()) > 50


def test_it_prints_with_every_figure_and_without_its_controls(page, tmp_path):
    chromium(
        tmp_path / "print",
        "--no-pdf-header-footer",
        f"--print-to-pdf={tmp_path / 'page.pdf'}",
        f"file://{page}",
    )
    pdf = (tmp_path / "page.pdf").read_bytes()
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pdf.startswith(b"%PDF") and 6 <= pages <= 30


def test_rates_are_told_for_the_readers_own_batch_size(page, tmp_path):
    """The tiny study has too few batch sizes for a fit: nothing is promised; with a fit the field
    answers."""
    assert ask(page, tmp_path, "document.getElementById('own-m')") is None
    fit = {
        "name": "no norm",
        "sizes": [1.0, 3.0, 6.0],
        "rates": [-4.0, -2.5, -1.0],  # log2 η: -2 at m = 16, a third of the way from 8 to 64
        "half": 1.0,
        "smallest": 2,
        "largest": 64,
    }
    beyond = {"name": "bn", "smallest": 32}
    other = tmp_path / "with_fit.html"
    form = f'<form id="own-m" hidden><input value="16"><output></output></form><script type="application/json" id="fits-data">[{json.dumps(fit)}, {json.dumps(fit | beyond)}]</script>'
    other.write_text(
        page.read_text().replace('<section id="answer">', f'{form}<section id="answer">')
    )
    said = ask(other, tmp_path, "document.querySelector('#own-m output').textContent")
    assert said.splitlines() == [
        "no norm: η̃ ≈ 0.016, η ≈ 0.25 (95% interval 0.13 to 0.5)",
        "bn: none is recommended beyond m = 32 to 64",
    ]
