"""The scenarios: each says what happens and what to look at, and is listed wherever scenarios are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labkit import cli, scenarios
from labkit.model.scenario import Scenario
from labkit.setup import bootstrap

DOCS = Path(__file__).resolve().parents[2] / "docs" / "scenarios.md"
each_scenario = pytest.mark.parametrize("name", scenarios.names())


@pytest.fixture
def listed(monkeypatch, capsys):
    """What `lab.py scenarios` prints."""
    monkeypatch.setattr(bootstrap, "ensure", lambda *_: None)

    def lines():
        assert cli.main(["scenarios"]) == 0
        return capsys.readouterr().out.splitlines()

    return lines


def test_the_scenarios_of_the_lab_are_there():
    assert set(scenarios.names()) >= {
        "baseline", "many", "jitter", "heavy-tail", "timeouts", "flaky", "rate-limit", "crash", "restart", "cpu", "big",
    }  # fmt: skip
    assert scenarios.names()[0] == scenarios.DEFAULT


@each_scenario
def test_a_scenario_says_in_one_line_what_happens_and_asks_one_question(name):
    told = scenarios.load(name)
    assert re.fullmatch(r"[a-z0-9][^\n]{10,109}[^\n.]", told.summary)
    assert re.fullmatch(r"[A-Z][^\n]{10,148}\?", told.look_at)


def test_the_plain_one_adds_nothing():
    assert scenarios.load(scenarios.DEFAULT).behaviour.plain


def test_one_that_is_not_there_is_not_found():
    with pytest.raises(KeyError):
        scenarios.load("nowhere")


def test_a_new_file_is_a_new_scenario(tmp_path, monkeypatch, listed):
    text = "from labkit.model.scenario import Scenario\nSCENARIO = Scenario('what is mine', 'What do I see?')\n"
    (tmp_path / "my_own.py").write_text(text)
    monkeypatch.setattr(scenarios, "__path__", [*scenarios.__path__, str(tmp_path)])
    assert scenarios.load("my-own") == Scenario("what is mine", "What do I see?")
    assert any(line.split() == ["my-own", "what", "is", "mine"] for line in listed())


@each_scenario
def test_a_scenario_is_listed_on_one_line(name, listed):
    lines = [line for line in listed() if re.match(rf"[* ] {re.escape(name)}\s", line)]
    assert [line[2:].removeprefix(name).strip() for line in lines] == [scenarios.load(name).summary]
    assert lines[0].startswith("*") == (name == scenarios.DEFAULT)


def test_the_handbook_lists_the_scenarios_as_they_are():
    table = re.findall(r"^\| `([\w-]+)` \| (.+) \| (.+) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    known = [(name, scenarios.load(name)) for name in scenarios.names()]
    assert table == [(name, told.summary, told.look_at) for name, told in known]


def test_the_handbooks_example_is_a_scenario():
    lines = DOCS.read_text("utf-8").partition("## Add your own")[2].splitlines()
    space: dict[str, object] = {}
    exec("\n".join(line[4:] for line in lines if line.startswith("    ")), space)
    assert isinstance(space["SCENARIO"], Scenario)
