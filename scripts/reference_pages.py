"""Write a page for each routing rule and each error code, from the rule table, the code and the list of codes."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from memory_router import errors

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
_WRITTEN = "<!-- Written by scripts/generate_docs.py. -->"
# Messages that are put together when they are told; tests/docs/test_error_examples.py asks for each.
PUT_TOGETHER = {
    "ALL_BACKENDS_FAILED": (
        "All backends in the fallback chain failed. Check ~/.openclaw/state/router.log for details. "
        "qmd:query: The disk is on fire. Put it out. totalrecall: The disk is on fire. Put it out."
    ),
    "BACKEND_SKIPPED": "ghost: its backend.json cannot be found; run: memory-router backends doctor.",
    "NO_CHAIN": "cognee: No chain of calls from function tides.close_session to function tides.open_session is known.",
    "NO_ENTITY": 'cognee: Nothing in the graph is called "zebra_crossing".',
    "NO_RELATION": "cognee: No relation of function lift.lift_crane and function tides.close_session is known.",
    "USAGE_ERROR": "No such command 'remembr'. Did you mean 'remember'? Help: memory-router --help",
}
_SOURCES = ("memory_router", "backends")
_ROOMS = ("routing", "storage", "learning")


def rule_pages() -> dict[Path, str]:
    """Return the page of each rule of the bundled table, and a page that lists them."""
    rules = json.loads((ROOT / "router-config.json").read_text("utf-8"))["rules"]
    folder = DOCS / "rules"
    rows = "\n".join(f"| {rule['number']} | [{rule['id']}]({rule['id']}.md) | `{rule['primary']}` |" for rule in rules)
    index = (
        f"# Routing rules\n\n{_WRITTEN}\n\nThe first rule with a strong signal takes the question, else the first with "
        f"a weak one. [Concepts](../concepts.md#rules) says how.\n\n| | rule | asks first |\n|---|---|---|\n{rows}\n"
    )
    return {folder / "index.md": index, **{folder / f"{rule['id']}.md": _rule_page(rule) for rule in rules}}


def error_pages() -> dict[Path, str]:
    """Return the page of each error code that stands in the tables of troubleshooting.md."""
    table = (DOCS / "troubleshooting.md").read_text("utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+) \| (.+) \|$", table, re.MULTILINE)
    messages = _messages() | PUT_TOGETHER
    return {
        DOCS / "errors" / f"{code}.md": _error_page(code, meaning, remedy, messages.get(code, ""))
        for code, meaning, remedy in rows
    }


def _rule_page(rule: Mapping[str, Any]) -> str:
    signals = "\n".join(
        f"| `{signal['name']}` | {signal.get('strength', '')} | {_recognised(signal)} |" for signal in rule["signals"]
    )
    chain = ", then ".join(f"`{step}`" for step in [rule["primary"], *rule["fallback"]])
    examples = "\n".join(f"- {example}" for example in rule["examples"])
    shown = (rule["examples"] or ["where is it"])[0].replace('"', "'")
    return (
        f"# Rule {rule['number']}: {rule['id']}\n\n{_WRITTEN}\n\n{rule['rationale']}\n\n"
        f"It asks {chain}; the next one only while the answer is poor.\n\n"
        f"## Questions it takes\n\n{examples or 'All that no other rule takes.'}\n\n"
        + (f"## Signals\n\n| signal | strength | what it looks for |\n|---|---|---|\n{signals}\n\n" if signals else "")
        + "## What to do\n\nSee which rule takes a question, without asking:\n\n"
        f'```sh\nmemory-router rules route "{shown}"\n```\n\n'
        f"If another memory should answer, choose it once with `--backend`, or write "
        f"[a rule of your own](../configuration.md#rules-of-your-own). To follow this rule for any question:\n\n"
        f'```sh\nmemory-router query "{shown}" --rule {rule["id"]}\n```\n'
    )


def _recognised(signal: Mapping[str, Any]) -> str:
    """Return what a signal looks for, as the cell of a table."""
    looked = signal.get("phrases") or [signal.get("pattern") or signal.get("kind") or ""]
    return "<br>".join("`" + str(text).replace("|", "\\|") + "`" for text in looked)


def _error_page(code: str, means: str, remedy: str, message: str) -> str:
    # The tables link from the folder above.
    means, remedy = (re.sub(r"\]\((?!\w+://)", "](../", text) for text in (means, remedy))
    means = f"{means[0].upper()}{means[1:]}."
    example = f"## Example\n\n```text\n{message}\n```\n\n" if message else ""
    return (
        f"# {code}\n\n{_WRITTEN}\n\n{means}\n\n"
        f"{example}## What to do\n\n{remedy[0].upper()}{remedy[1:]}.\n\n"
        f"All codes: [Troubleshooting](../troubleshooting.md).\n"
    )


def _messages() -> dict[str, str]:
    """Return the message of each code that tells a stranger most; an ellipsis stands for what varies.

    A message with a fix comes first, then one that begins in words, then a long one, the first of the common rooms.
    """
    codes = {name: kind.code for name, kind in vars(errors).items() if isinstance(kind, type) and hasattr(kind, "code")}
    told: dict[str, list[str]] = {}
    for room in (*_ROOMS, ""):
        for path in sorted(file for folder in _SOURCES for file in (ROOT / folder / room).rglob("*.py")):
            for code, message in _raised(ast.parse(path.read_text("utf-8")), codes):
                told.setdefault(code, []).append(message)
    return {
        code: max(messages, key=lambda text: ("\n" in text, text[0] != "…", len(text) > 40))
        for code, messages in told.items()
    }


def _raised(tree: ast.AST, codes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        texts = [_written(argument) for argument in call.args]
        if name in codes and texts[0]:
            yield codes[name], "\n".join(text for text in texts[:2] if text)
        elif len(texts) > 1 and re.fullmatch(r"[A-Z]+(_[A-Z]+)+", texts[0]) and texts[1]:
            yield texts[0], texts[1]


def _written(node: ast.expr) -> str:
    """Return a literal text with an ellipsis for each part that is put in, or nothing for what is not text."""
    if isinstance(node, ast.Constant):
        return str(node.value) if isinstance(node.value, str) else ""
    parts = node.values if isinstance(node, ast.JoinedStr) else []
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
