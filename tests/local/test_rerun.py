"""`lab.py rerun`, end to end: the same plan again or a refusal with the reason; then `diff` and `history` of both."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.both.conftest import nothing_left
from tests.checkout import Checkout

pytestmark = pytest.mark.slow

PLANNED = ("approach", "repeat", "order", "traced", "scenario", "server", "load", "bound", "ideal_s")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout with one comparison in it."""
    copy = Checkout.copy_to(tmp_path_factory.mktemp("checkout"))
    run = copy.lab(
        "compare threads asyncio_semaphore --requests 4 --limit 2 --delay 0.05 --repeat 2 --seed 7 "
        "--scenario baseline,jitter --trial-timeout 9 --no-baseline --runtime local --format json"
    )
    assert run.code in {0, 1}, run.err
    yield copy
    nothing_left(copy)


@pytest.fixture
def first(checkout: Checkout) -> dict[str, object]:
    return json.loads((checkout.results()[0] / "result.json").read_text("utf-8"))


def test_the_same_plan_is_run_in_the_same_order(checkout, first):
    run = checkout.lab(f"rerun {first['id']} --format json")
    assert run.code in {0, 1}, run.err  # 1: another program kept the processors busy
    again = run.document
    assert again["rerun_of"] == first["id"]
    assert again["id"] != first["id"]
    assert (again["plan"], again["seed"]) == (first["plan"], first["seed"])
    assert [[t[key] for key in PLANNED] for t in again["trials"]] == [
        [t[key] for key in PLANNED] for t in first["trials"]
    ]
    assert all(trial["outcome"] == "ok" for trial in again["trials"])
    assert {warning["code"] for warning in again["warnings"]} == {"rerun"}  # there is no git in this checkout
    assert again["command"] == f"python lab.py rerun {first['id']} --format json"
    saved = json.loads((checkout.root / "results" / again["id"] / "result.json").read_text("utf-8"))
    assert saved == again

    diff = checkout.lab(f"diff {first['id']} {again['id']} --format json")
    assert diff.code == 0, diff.err
    document = diff.document
    assert document["environment"] == []
    assert document["only_in"] == []
    assert len(document["rows"]) == 2 * 2
    assert {row["verdict"] for row in document["rows"]} == {"few"}

    listed = checkout.lab("history --format json").document["results"]
    assert [entry["rerun_of"] for entry in listed if entry["id"] == again["id"]] == [first["id"]]


def test_rerun_with_other_packages_needs_anyway(checkout, first):
    lock = checkout.root / "requirements" / "image.txt"
    whole = lock.read_text("utf-8")
    version = first["environment"]["packages"]["requests"]
    before = checkout.results()
    lock.write_text(whole.replace(f"requests=={version} ", "requests==1.0 "), encoding="utf-8")
    try:
        refused = checkout.lab(f"rerun {first['id']}")
        assert refused.code == 3
        assert f"package requests was {version} and is 1.0" in refused.err
        assert "--anyway" in refused.err
        assert refused.out == ""
        assert checkout.results() == before
        run = checkout.lab(f"rerun {first['id']} --anyway --format json")
    finally:
        lock.write_text(whole, encoding="utf-8")
    assert run.code in {0, 1}, run.err
    messages = [warning["message"] for warning in run.document["warnings"] if warning["code"] == "rerun"]
    assert f"rerun of {first['id']}: package requests was {version} and is 1.0" in messages
    assert run.document["plan"] == first["plan"]


@pytest.mark.parametrize(("field", "value"), [("cpus", 999), ("python", "3.0.0"), ("git_commit", "0" * 40)])
def test_rerun_on_another_machine_is_refused_and_leaves_nothing(checkout, first, tmp_path, field, value):
    first["environment"][field] = value
    (tmp_path / "result.json").write_text(json.dumps(first), encoding="utf-8")
    before = checkout.results()
    refused = checkout.lab(f"rerun {tmp_path}")
    assert refused.code == 3
    assert f"was {value} and is " in refused.err
    assert checkout.results() == before


def test_rerun_of_a_removed_approach_is_refused(checkout, first, tmp_path):
    text = json.dumps(first).replace("asyncio_semaphore", "asyncio_of_old")
    (tmp_path / "result.json").write_text(text, encoding="utf-8")
    refused = checkout.lab(f"rerun {tmp_path} --anyway")
    assert refused.code == 2
    assert "no approach 'asyncio_of_old'" in refused.err
