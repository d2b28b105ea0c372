"""The scenarios: each has a summary and a question, and is listed by the command and in the docs."""

from __future__ import annotations

import re

import pytest

from labkit import cli, scenarios
from labkit.model.scenario import Scenario
from labkit.setup import bootstrap
from labkit.system.checkout import ROOT

DOCS = ROOT / "docs" / "scenarios.md"
each_scenario = pytest.mark.parametrize("name", scenarios.names())


@pytest.fixture
def listed(monkeypatch, capsys):
    """The output of `lab.py scenarios`."""
    monkeypatch.setattr(bootstrap, "ensure", lambda *_: None)

    def lines():
        assert cli.main(["scenarios"]) == 0
        return capsys.readouterr().out.splitlines()

    return lines


def test_all_scenarios_exist_and_the_default_is_first():
    assert set(scenarios.names()) >= {
        "baseline", "many", "jitter", "heavy-tail", "timeouts", "flaky", "rate-limit", "crash", "restart", "cpu", "big",
    }  # fmt: skip
    assert scenarios.names()[0] == scenarios.DEFAULT


@each_scenario
def test_a_scenario_has_a_summary_of_one_line_and_a_question(name):
    scenario = scenarios.load(name)
    assert re.fullmatch(r"[a-z0-9][^\n]{10,109}[^\n.]", scenario.summary)
    assert re.fullmatch(r"[A-Z][^\n]{10,148}\?", scenario.question)


def test_the_default_scenario_has_no_faults():
    assert scenarios.load(scenarios.DEFAULT).behaviour.plain


def test_an_unknown_scenario_raises_key_error():
    with pytest.raises(KeyError):
        scenarios.load("nowhere")


def test_a_new_file_is_a_new_scenario(tmp_path, monkeypatch, listed):
    text = "from labkit.model.scenario import Scenario\nSCENARIO = Scenario('my own faults', 'What is slow?')\n"
    (tmp_path / "my_own.py").write_text(text)
    monkeypatch.setattr(scenarios, "__path__", [*scenarios.__path__, str(tmp_path)])
    assert scenarios.load("my-own") == Scenario("my own faults", "What is slow?")
    assert any(line.split() == ["my-own", "my", "own", "faults"] for line in listed())


@each_scenario
def test_a_scenario_is_listed_on_one_line(name, listed):
    lines = [line for line in listed() if re.match(rf"[* ] {re.escape(name)}\s", line)]
    assert [line[2:].removeprefix(name).strip() for line in lines] == [scenarios.load(name).summary]
    assert lines[0].startswith("*") == (name == scenarios.DEFAULT)


def test_the_docs_list_every_scenario_with_its_texts():
    table = re.findall(r"^\| `([\w-]+)` \| (.+) \| (.+) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    loaded = [(name, scenarios.load(name)) for name in scenarios.names()]
    assert table == [(name, scenario.summary, scenario.question) for name, scenario in loaded]


def test_the_example_in_the_docs_is_a_scenario():
    lines = DOCS.read_text("utf-8").partition("## Add your own")[2].splitlines()
    space: dict[str, object] = {}
    exec("\n".join(line[4:] for line in lines if line.startswith("    ")), space)
    assert isinstance(space["SCENARIO"], Scenario)
