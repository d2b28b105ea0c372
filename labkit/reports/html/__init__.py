"""report.html: a comparison as one file that needs no network.

The drawing library, style, scripts and data are all inside. A policy in the page's head allows these scripts and this
style by their hashes, and pictures that the page draws itself. Nothing that an approach or a server sent can run.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from labkit.analysis.analyse import Analysis
from labkit.output.format import sanitize, shorten
from labkit.reports.html import facts
from labkit.reports.html.data import page_data
from labkit.reports.html.points import points
from labkit.reports.html.sentences import trial_sentences

FOLDER = Path(__file__).parent
LIBRARY = ("vendor/d3.min.js",)
SCRIPTS = (
    "page.js",
    "layout.js",
    "timeline.js",
    "svg_context.js",
    "pictures.js",
    "details.js",
    "panels.js",
    "charts.js",
    "over_time.js",
    "start.js",
)
# Characters that could end a script element, or a line of JavaScript, from within data.
UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
MARKS = {True: "held", False: "failed", None: "unknown"}


def render(analysis: Analysis) -> str:
    """The whole page. Raises ValueError for a number that JSON cannot hold, such as NaN."""
    sentences = trial_sentences(analysis)
    library, script, style = _text(*LIBRARY), _text(*SCRIPTS), _text("page.css")
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shorten"] = shorten
    return environment.get_template("page.html.jinja").render(
        policy=_policy(scripts=(library, script), style=style),
        library=Markup(library),  # noqa: S704 - these three are files of this package
        script=Markup(script),  # noqa: S704
        style=Markup(style),  # noqa: S704
        data=Markup(embedded(page_data(analysis, sentences))),  # noqa: S704 - it cannot end its element
        comparison=analysis.comparison,
        agreements=analysis.agreements,
        points=points(analysis, sentences),
        facts=facts,
        title=facts.title(analysis),
        marks=MARKS,
    )


def embedded(data: Any) -> str:
    """`data` as JSON that stays data at any place of a page."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(UNSAFE)


def _visible(value: Any) -> Any:
    """Escape invisible characters in every text that the template prints; Jinja then escapes it for HTML."""
    return sanitize(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text(*names: str) -> str:
    return "\n".join((FOLDER / name).read_text("utf-8") for name in names)


def _policy(scripts: tuple[str, ...], style: str) -> str:
    allowed = " ".join(_hash(script) for script in scripts)
    rules = ("default-src 'none'", f"script-src {allowed}", f"style-src {_hash(style)}", "img-src data:")
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
