"""The report in a real browser, from a file, without a network."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser here: apt-get install -y chromium"),
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def chromium(profile: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_the_page_shows_every_figure_and_asks_for_nothing(reported, tmp_path):
    page = reported.results / "tiny" / "report.html"
    dom = chromium(tmp_path / "profile", "--dump-dom", f"file://{page}").stdout
    assert dom.count("<figure") == 8 and "What was found" in dom
    links = re.findall(r'(?:src|href)="([^"]{1,200})', dom)
    assert links and all(link.startswith(("data:", "#")) for link in links)
    # and each figure can be drawn: an image that failed to load has no width
    script = "document.title=[...document.images].map(i=>i.naturalWidth).join()"
    probe = tmp_path / "probe.html"
    probe.write_text(page.read_text().replace("</body>", f"<script>onload=()=>{{{script}}}</script></body>"))
    title = re.search(
        r"<title>([\d,]+)</title>", chromium(tmp_path / "profile2", "--dump-dom", f"file://{probe}").stdout
    )
    widths = [int(width) for width in title[1].split(",")]
    assert len(widths) == 8 and min(widths) > 300


@pytest.mark.parametrize("width", [400, 1300])
def test_nothing_is_wider_than_the_screen(reported, tmp_path, width):
    page = reported.results / "tiny" / "report.html"
    probe = tmp_path / "probe.html"
    script = "onload=()=>{document.title=document.documentElement.scrollWidth+','+document.documentElement.clientWidth}"
    probe.write_text(page.read_text().replace("</body>", f"<script>{script}</script></body>"))
    dom = chromium(tmp_path / "profile", f"--window-size={width},900", "--dump-dom", f"file://{probe}").stdout
    scroll, client = (int(number) for number in re.search(r"<title>(\d+),(\d+)</title>", dom).groups())
    assert scroll <= client
