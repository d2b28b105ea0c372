"""The main commands end to end, once in each runtime: plain `lab.py test` runs only these of the end-to-end tests."""

from __future__ import annotations

import json

from labkit.plan.selection import DEFAULT
from tests.acts import failing
from tests.checkout import Checkout


def test_compare_measures_the_default_approaches(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(f"compare --delay 0.2 --requests 4 --limit 2 --runtime {runtime} --format json")
    document = run.document
    assert run.code in {0, 1}, run.err  # 1: another program kept the processors busy
    assert document["environment"]["runtime"] == runtime
    assert sorted(trial["approach"] for trial in document["trials"]) == sorted([*DEFAULT, "locust"])
    for trial in document["trials"]:
        assert (trial["outcome"], failing(trial)) == ("ok", set()), (trial["error"], trial["checks"])
        assert trial["makespan_s"] >= trial["ideal_s"]
        assert trial["cold_start_s"] > 0
        assert {row["id"] for row in trial["requests"]} == {1, 2, 3, 4}
        for row in trial["requests"]:
            assert row["start_s"] <= row["server"]["start_s"] <= row["server"]["end_s"] <= row["end_s"]
    folder = checkout.root / "results" / document["id"]
    assert json.loads((folder / "result.json").read_text("utf-8")) == document
    lines = (folder / "trials.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == document["trials"]


def test_load_measures_requests_of_several_users(checkout: Checkout, runtime: str) -> None:
    run = checkout.lab(f"load --workers 2 --delay 0.1 --users 3 --requests 9 --runtime {runtime} --format json")
    (trial,) = run.document["trials"]
    assert run.code in {0, 1}, run.err
    assert (trial["outcome"], trial["begun"], trial["ok"]) == ("ok", 9, 9), trial["error"]
    assert trial["server_max_in_flight"] == 2
