"""A report as text, read without a browser."""

import re
from html.parser import HTMLParser
from pathlib import Path

# of Python, in place of a word or a dash
SLIPS = re.compile(r"\b(nan|NaN|NaT|None|inf|undefined)\b|<NA>")


class Page(HTMLParser):
    """What a report shows without JavaScript: its text with that of figures and their marks, and
    the ids of figures."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.figures, self.words, self.hidden = path, [], [], False
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        self.text = " ".join(" ".join(self.words).split())
        self.slips = [
            self.text[max(0, one.start() - 60) : one.end() + 60]
            for one in SLIPS.finditer(self.text)
        ]

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.hidden = self.hidden or tag in ("script", "style")
        self.words += [values["aria-label"]] if "aria-label" in values else []
        self.figures += [values["id"]] if tag == "figure" else []

    def handle_endtag(self, tag):
        self.hidden = self.hidden and tag not in ("script", "style")

    def handle_data(self, data):
        self.words += [] if self.hidden else [data]
