"""The documentation: both READMEs in step, links that lead somewhere, commands that the lab accepts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from clients.harness import catalogue
from labkit.options import parser
from labkit.system.checkout import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks" / "README.md"]
ENGLISH, JAPANESE = (ROOT / name for name in ("README.md", "README.ja.md"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(text: str) -> list[str]:
    """The commands of all indented blocks, without their comments."""
    blocks = re.findall(r"^ {4}((?:python lab\.py|docker|git) .*)$", text, re.MULTILINE)
    return [re.sub(r"\s+#.*$", "", command) for command in blocks]


def shape(text: str) -> dict[str, object]:
    """Everything of a page that does not depend on its language."""
    return {
        "headings": [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)],
        "commands": commands(text),
        "rows": len(re.findall(r"^\|", text, re.MULTILINE)),
        "items": len(re.findall(r"^- ", text, re.MULTILINE)),
        "links": sorted(set(re.findall(r"\]\(([^)]+)\)", text)) - {"README.md", "README.ja.md"}),
        "tables": re.findall(r"^ {4}[^#\n]*[─│\d]\n", text, re.MULTILINE),
    }


def test_the_japanese_readme_is_in_step_with_the_english_one():
    assert shape(JAPANESE.read_text("utf-8")) == shape(ENGLISH.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_local_link_leads_to_a_file(page):
    links = re.findall(r"\]\((?!\w+:|#)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_lab_accepts_every_command(page):
    for command in commands(page.read_text("utf-8")):
        if not command.startswith("python lab.py "):
            continue
        words = shlex.split(command.removeprefix("python lab.py "))
        redirection = next((place for place, word in enumerate(words) if word in {">", "|", "&"}), None)
        options, rest = parser().parse_known_args(words[:redirection])
        assert options.module == "test" or rest == [], command


def _approaches() -> str:
    return (ROOT / "docs" / "approaches.md").read_text("utf-8")


def test_the_table_of_approaches_names_every_file():
    table = re.findall(r"^\| `(\w+)` \|", _approaches().partition("## ")[0], re.MULTILINE)
    assert sorted(table) == sorted(catalogue.names())


def test_the_example_of_an_approach_is_one(tmp_path):
    text = _approaches().partition("`clients/mine.py`:\n\n")[2]
    code = re.match(r"(?:(?: {4}.*)?\n)+", text)
    assert code is not None
    (tmp_path / "mine.py").write_text(re.sub(r"^ {4}", "", code.group(), flags=re.MULTILINE), "utf-8")
    assert catalogue.read("mine", tmp_path).keywords >= {"limit"}
