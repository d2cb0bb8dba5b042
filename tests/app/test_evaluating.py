"""The self-test finds what is there, tells what is missing, and leaves no trace."""

import json

from tests.conftest import Home

FACTS = (
    "Invoices above five thousand euro need the signature of the managing director before payment.",
    "Nightly backups of the customer archive run at three o'clock on the machine named Kestrel.",
    "Refunds for damaged parcels are granted within fourteen days without further inspection.",
    "Support engineers rotate every Wednesday morning and hand over through the shared calendar.",
    "Quarterly audits require printed copies of travel receipts together with approved budgets.",
    "Firmware updates ship first to volunteer testers and two weeks later to ordinary households.",
)


def test_eval_finds_what_is_remembered_and_says_what_is_missing(home: Home) -> None:
    """Remembered facts are asked for and found, empty memories are named with what fills them, nothing is recorded."""
    home.run("init", "--tier", "pro")
    lines = "".join(json.dumps({"text": fact, "tier": "persistent"}) + "\n" for fact in FACTS)
    file = home.folder / "facts.jsonl"
    file.write_text(lines)
    assert home.run("import", str(file)).code == 0
    found = home.run("eval", "--json").json
    score = found["scores"]["totalrecall"]
    assert score["questions"] == len(FACTS)
    assert score["success_at_1"] == score["success_at_3"] == 1
    assert score["wrongly_accepted"] is not None
    assert set(found["scores"]) == {"totalrecall", "all"}
    assert found["passages"] == {"qmd": 0, "totalrecall": len(FACTS), "lossless": 0}
    told = " ".join(found["proposals"])
    assert "memory-router index FOLDER" in told
    assert "import your conversations" in told
    assert home.run("executions", "list").json == {"executions": []}
    again = home.run("eval", "--json").json
    assert [score["success_at_1"] for score in again["scores"].values()] == [
        score["success_at_1"] for score in found["scores"].values()
    ]


def test_eval_without_anything_to_ask_for(home: Home) -> None:
    """An empty memory cannot be tested, and says what would fill it."""
    home.run("init", "--tier", "pro")
    outcome = home.run("eval", "--json")
    assert outcome.code == 1
    assert outcome.json["scores"] == {}
    assert len(outcome.json["proposals"]) == 3
