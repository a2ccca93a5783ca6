"""A real browser, headless, without a network: pages as it shows them, and what they say and ask
for."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

# asked by the browser itself, whatever the page
OWN = (
    "clients2.google.com",
    "update.googleapis.com",
    "accounts.google.com",
)

CHROMIUM = shutil.which("chromium")
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


def ask(page: Path, folder: Path, script: str, *flags: str):
    """What a JavaScript expression is worth in a page, after it has loaded; statements before it
    end in ``;``."""
    *before, last = script.strip().rstrip(";").split(";\n")
    body = ";".join([*before, f"document.title = 'ANSWER' + JSON.stringify({last}) + 'END'"])
    probe = folder / "probe.html"
    text = page.read_text(encoding="utf-8")
    probe.write_text(
        text.replace("</body>", f"<script>onload = () => {{ {body} }}</script></body>"),
        encoding="utf-8",
    )
    dom = chromium(folder / "profile", *flags, "--dump-dom", f"file://{probe}").stdout
    found = re.search(r"<title>ANSWER(.*?)END</title>", dom, re.S)
    return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def console_and_requests(address: str, folder: Path) -> tuple[list[str], list[str]]:
    """What a page writes to the console, and the addresses on a network that it asks for."""
    log = folder / "net.json"
    ran = chromium(
        folder / "quiet", "--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom", address
    )
    console = [line for line in ran.stderr.splitlines() if ":CONSOLE" in line]
    text = log.read_text()
    events = json.loads(text if text.rstrip().endswith("}") else text.rstrip().rstrip(",") + "]}")[
        "events"
    ]
    urls = {event.get("params", {}).get("url", "") for event in events}
    asked = [
        url
        for url in urls
        if url.startswith(("http:", "https:", "ws:", "wss:")) and urlsplit(url).hostname not in OWN
    ]
    return console, sorted(asked)
