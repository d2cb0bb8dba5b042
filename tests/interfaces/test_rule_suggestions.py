"""Learned rules are suggested, decided and undone, by whatever command, and always as an outcome."""

from typing import Any

from memory_router.learning.account import account
from memory_router.learning.execution import AttemptRecord
from tests.conftest import GOOD, Home
from tests.interfaces.test_advice import remember


def learned(home: Home, **learning: Any) -> dict[str, Any]:
    """Return the rule that is learned from sixty questions of one kind, with settings of learning."""
    home.with_fakes(qmd=GOOD)
    good = AttemptRecord("qmd:query", "success", 0.9, 40, 5000, None, accepted=True)
    remember(home, good, question="process payroll PDFs in week", times=60)
    if learning:
        home.configure(**learning)
    home.run("learn")
    rule: dict[str, Any]
    (rule,) = home.run("rules", "list").json["rules"]
    return rule


def test_a_learned_rule_is_approved_unless_learning_is_off(home: Home) -> None:
    """A rule that waits is suggested and approved by accepting it; with learning off it is only told by --why."""
    rule = learned(home, learning="off", confidence_threshold=0.5)
    told = home.run("advise", "--why").json
    assert "approve_rule" not in {one["suggestion_type"] for one in told["suggestions"]}
    assert {"type": "approve_rule", "value": rule["id"], "why": "learning is off"} in told["silent"]
    home.configure(confidence_threshold=0.5)
    (found,) = [one for one in home.run("advise").json["suggestions"] if one["suggestion_type"] == "approve_rule"]
    assert found["suggestion_value"] == rule["id"]
    home.run("accept", str(found["suggestion_id"]), "--yes")
    assert home.run("rules", "show", rule["id"]).json["state"] == "approved"


def test_the_router_accepts_its_own_rules_where_learning_is_on(home: Home) -> None:
    """What the router decides by itself is an outcome like any other, outside the user's profile, and can be undone."""
    rule = learned(home, learning="on", confidence_threshold=0.5)
    assert rule["state"] == "approved"
    user = f"auto:{account()}"
    (outcome,) = home.run("outcomes", "list", "--layer", "detail", "--user", user).json["outcomes"]
    assert (outcome["outcome"], outcome["evidence_summary"]["decided_by"]) == ("accepted", "auto")
    assert home.run("profile").json["total_outcomes"] == 0
    assert home.run("suggestions", "undo", str(outcome["suggestion_id"]), "--yes").json["status"] == "undone"
    home.run("learn")
    assert home.run("rules", "show", rule["id"]).json["state"] == "disabled"


def test_a_rule_that_guards_is_decided_at_a_terminal_only(home: Home) -> None:
    """Accepting and undoing the suggestion of a rule that guards questions needs a person, even if learning is on."""
    rule = learned(home, confidence_threshold=0.5)
    home.run("rules", "edit", rule["id"], "--requires-approval")
    (found,) = [one for one in home.run("advise").json["suggestions"] if one["suggestion_type"] == "approve_rule"]
    number = str(found["suggestion_id"])
    outcome = home.run("accept", number, "--yes")
    assert (outcome.code, "at a terminal only" in outcome.err) == (1, True)
    home.configure(learning="on", confidence_threshold=0.5)
    home.run("learn")
    assert home.run("rules", "show", rule["id"]).json["state"] == "proposed"
    home.at_terminal(["suggestions", "accept", number, "--yes"])
    assert home.run("rules", "show", rule["id"]).json["state"] == "approved"
    assert home.run("undo", number, "--yes").code == 1
    assert home.run("rules", "show", rule["id"]).json["state"] == "approved"


def test_a_decision_about_a_rule_is_an_outcome_by_whatever_command(home: Home) -> None:
    """Approving a learned rule by `rules approve` decides the suggestion that waits for it."""
    rule = learned(home, confidence_threshold=0.5)
    assert "1 suggestion waits" in home.run("stats").err
    assert "1 suggestion waits" in home.run("status").json["waiting"]
    home.run("rules", "reject", rule["id"])
    (told,) = home.run("outcomes", "list").json["outcomes"]
    assert told["snippet"].endswith("rejected")
    assert "waits" not in home.run("stats").err


def test_a_decision_about_a_rule_can_be_undone_by_whatever_command(home: Home) -> None:
    """What `rules approve` and `rules disable` did to a learned rule is an accepted suggestion, undone like any."""
    rule = learned(home)

    def state() -> str:
        return str(home.run("rules", "show", rule["id"]).json["state"])

    home.run("rules", "approve", rule["id"])
    home.run("rules", "disable", rule["id"])
    types = [one["snippet"] for one in home.run("outcomes", "list").json["outcomes"]]
    assert ["disable_rule" in types[0], "approve_rule" in types[1]] == [True, True]
    assert (home.run("undo", "--yes").code, state()) == (0, "approved")
    assert (home.run("undo", "--yes").code, state()) == (0, "proposed")
