"""Embed a figure's SVG in the report."""

import re


def inline(svg: str, name: str, label: str) -> str:
    """The ``<svg>`` element without a fixed size, with ids made unique by `name` and with `label`
    for screen readers.

    `label` must be escaped.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(href=")#', rf"\1#{name}-", svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    head, rest = svg.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{label}">{rest}'
