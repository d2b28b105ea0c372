"""The prose rules that a program can hold: plain technical English in code, messages and docs."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.system.checkout import ROOT

FOLDERS = ("labkit", "clients", "server", "loadtest", "benchmarks", "tests", "docs")
SOURCES = [ROOT / "lab.py", *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))]
PAGES = [path for folder in (".", "docs", "benchmarks") for path in sorted((ROOT / folder).glob("*.md"))]
SCRIPTS = [path for path in sorted((ROOT / "labkit").rglob("*.js*")) if "vendor" not in path.parts]

OPENING = re.compile(r"(What|Whether|How|Of|Who|Whoever|Whatever|Why|Where)\b(?! (if|not)\b)")
# Phrases that read as translated, with the plain one.
PHRASES = {
    r"\b(who|what)ever\b": "name the actor",
    r"\b(some|no|any)body('s)?\b": "name the user, client or server",
    r"\bgoes on yet\b": "is still running",
    r"\bcannot be had\b": "is unavailable",
    r"\b(has|have|had) to (be|have)\b": "must be, needs",
    r"\b(is|are|was|were|be) told\b": "report, name, pass",
    r"\btells? (of|apart|whether)\b": "report, distinguish",
    r"\bsays? (so|that it|of)\b": "states",
    r"\ba (second|minute|request|row|trial) a (request|trial|second|row)\b": "per",
    r"\b(requests|arrivals|answers|times|rows) a second\b": "per second",
    r"\bas far as (it|they|there)\b": "name the condition",
    r"\bat the most\b": "at most",
    r"\bnothing but\b": "only",
    r"\bfrom \S+ on\b.{0,3}\byet\b": "usual word order",
}
FORBIDDEN = {re.compile(phrase, re.IGNORECASE): plain for phrase, plain in PHRASES.items()}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            text := ast.get_docstring(node)
        ):
            yield (1 if isinstance(node, ast.Module) else node.lineno), text


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Comments and strings of a Python file, docstrings among them; the lines of any other file."""
    source = path.read_text("utf-8")
    if path.suffix != ".py":
        yield from enumerate(source.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING} or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            yield token.start[0], " ".join(token.string.split())


@pytest.mark.parametrize("folder", [*FOLDERS, "lab.py"])
def test_no_docstring_opens_with_a_clause_in_place_of_a_noun_or_verb(folder):
    sources = [path for path in SOURCES if name_of(path).partition("/")[0] == folder]
    opened = [
        f"{name_of(path)}:{line}: {text.splitlines()[0]}"
        for path in sources
        for line, text in docstrings(path)
        if OPENING.match(text)
    ]
    assert opened == []


@pytest.mark.parametrize("folder", [*FOLDERS, "lab.py", "README.md", "README.ja.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_no_text_has_a_phrase_of_the_list(folder):
    paths = [path for path in (*SOURCES, *PAGES, *SCRIPTS) if name_of(path).partition("/")[0] == folder]
    assert paths
    found = [
        f"{name_of(path)}:{line}: {match.group()!r}: {plain}"
        for path in paths
        if path != Path(__file__)
        for line, text in texts(path)
        for pattern, plain in FORBIDDEN.items()
        if (match := pattern.search(text))
    ]
    assert found == []
