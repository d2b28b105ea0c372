"""report.html: a comparison as one file that needs no network, made from the result document.

The drawing library, the style, the scripts and the data are all inside. A policy in the page's head allows these
scripts and this style by their hashes and nothing else, so that nothing an approach or a server said can run.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from labkit.reports.html.data import view
from labkit.reports.html.facts import particulars
from labkit.reports.html.points import headline, sections

FOLDER = Path(__file__).parent
LIBRARY = ("vendor/d3.min.js",)
SCRIPTS = ("page.js", "layout.js", "timeline.js", "panels.js", "charts.js", "start.js")
# What would end a script element, or a line of JavaScript, from within data.
UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def render(document: dict[str, Any]) -> str:
    """The whole page. Raises ValueError for a figure that is no number: JSON has none for it."""
    library, script, style = _text(*LIBRARY), _text(*SCRIPTS), _text("page.css")
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        policy=_policy(scripts=(library, script), style=style),
        library=Markup(library),  # noqa: S704 - these three are files of this package
        script=Markup(script),  # noqa: S704
        style=Markup(style),  # noqa: S704
        data=Markup(embedded(view(document))),  # noqa: S704 - nothing in it can end its element
        headline=headline(document),
        sections=sections(document),
        particulars=particulars(document),
    )


def embedded(data: Any) -> str:
    """`data` as JSON that stays data wherever it stands in a page."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(UNSAFE)


def _text(*names: str) -> str:
    return "\n".join((FOLDER / name).read_text("utf-8") for name in names)


def _policy(scripts: tuple[str, ...], style: str) -> str:
    allowed = " ".join(_hash(script) for script in scripts)
    return f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
