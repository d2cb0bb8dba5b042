"""Measure the window with 10,000 executions and 100,000 passages: `python benchmarks/window.py [SECONDS]`.

It prints how long each page takes when everything is warm, what a page transfers with its style sheet and script, what
share of a core the open window costs while nobody uses it (over SECONDS, by default 20, in a real Chromium where there
is one), and how many violations axe-core finds on all pages, narrow and wide, light and dark.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import heading, spread

sys.path.insert(0, str(Path(__file__).parents[1]))

from memory_router.engines.documents.schema import SCHEMA
from memory_router.learning.execution import AttemptRecord, Execution
from memory_router.storage.sqlite import open_database, writing
from tests.clients.places import modules
from tests.conftest import Home
from tests.window.browser import CHROMIUM, chromium_path
from tests.window.serving import Window

EXECUTIONS, FILES, PASSAGES_A_FILE, MEMORIES = 10_000, 5_000, 20, 500
ROUNDS = 20
PAGES = {
    "Ask (the first page)": "/ask",
    "Memories": "/memories",
    "Memories of one store": "/memories?store=qmd",
    "Memories with a word": "/memories?text=passage77",
    "Executions": "/executions",
    "Executions, hooks only": "/executions?kind=hooks",
    "Decide": "/decide",
    "Health": "/health",
}
ASSETS = ("/static/window.css", "/static/window.js", "/static/icon.svg")


def fill(home: Home) -> None:
    """Store as much as the figures are for."""
    home.run("init", "--tier", "pro", "--json")
    database = home.folder / "cache" / "documents.db"
    connection = open_database(str(database), SCHEMA)
    with writing(connection):
        connection.execute("INSERT INTO roots VALUES (1, '/home/somebody/notes', ?)", (time.time(),))
        for file in range(FILES):
            connection.execute(
                "INSERT INTO files VALUES (?, 1, ?, ?, ?, 'A note', 'markdown', 'notes', 9000, ?, 1, x'00', '', '')",
                (file, f"/home/somebody/notes/{file}.md", f"{file:012x}", f"{file}.md", int((1.7e9 + file) * 1e9)),
            )
        rows = [
            (key, key // PASSAGES_A_FILE, key % PASSAGES_A_FILE, f"This is passage{key}, one of many. " * 12)
            for key in range(FILES * PASSAGES_A_FILE)
        ]
        connection.executemany("INSERT INTO chunks VALUES (?, ?, ?, 1, 9, 'A heading', '', '', '', 0, ?)", rows)
        connection.executemany(
            "INSERT INTO chunk_text(rowid, path, title, heading, symbols, identifiers, body, context, date)"
            " VALUES (?, '', '', '', '', '', ?, '', '')",
            ((key, f"passage{key}") for key, *_ in rows),
        )
    connection.close()
    facts = (json.dumps({"text": f"The {number}. fact of the harbor."}) for number in range(MEMORIES))
    home.run("import", "-", "--json", stdin="\n".join(facts))
    spool = home.folder / "data" / "executions.jsonl"
    with spool.open("a") as stream:
        stream.writelines(json.dumps(_execution(number).to_dict()) + "\n" for number in range(EXECUTIONS))
    home.run("executions", "list", "--json")


def _execution(number: int) -> Execution:
    attempt = AttemptRecord("qmd:search", "success", 0.8, 20 + number % 90, 5000, None, accepted=True)
    return Execution(
        id=f"{number:016x}",
        user_request=f"where is passage {number % 500} of the harbor",
        routing_path=("qmd:search",),
        routing_confidence=0.9,
        status="success",
        duration_ms=attempt.duration_ms,
        cost_usd=0.0,
        user_satisfaction=None,
        governance_check=None,
        started_at=time.time() - 60 * number,
        should_retry_with_different_path=False,
        source="table",
        rule="exact_symbol",
        similarity=None,
        attempts=(attempt,),
        project="notes",
        asked_by=None,
    )


def timed(window: Window, path: str) -> tuple[float, int]:
    """Return how long a page takes in milliseconds, and how many bytes are transferred for it."""
    headers = {"Authorization": f"Bearer {window.token}", "Accept-Encoding": "gzip"}
    started = time.perf_counter()
    reply = window.ask("GET", path, **headers)
    taken = (time.perf_counter() - started) * 1000
    assert reply.status == 200, (path, reply.status)
    return taken, int(reply.headers["content-length"])


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of those that it started."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        fields[int(folder.name)] = (int(stat[1]), int(stat[11]) + int(stat[12]))
    family = {pid}
    while grown := {one for one, (parent, _) in fields.items() if parent in family} - family:
        family |= grown
    return sum(fields[one][1] for one in family if one in fields) / ticks


@contextmanager
def browser() -> Iterator[Any]:
    """Return a Chromium, or None where it is missing."""
    path = chromium_path()
    if path is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        yield made
        made.close()


def violations(chromium: Any, window: Window) -> int:
    """Return how many violations axe-core finds on all pages, narrow and wide, light and dark."""
    axe = (modules("axe") / "axe-core" / "axe.min.js").read_text("utf-8")
    found = 0
    for scheme in ("light", "dark"):
        for width in (380, 1280):
            context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
            page = context.new_page()
            page.goto(window.url)
            for path in (*PAGES.values(), "/ask?q=where+is+passage77", "/graph?name=nothing", "/nowhere"):
                page.goto(window.base + path)
                page.evaluate(axe)
                found += page.evaluate("axe.run().then(result => result.violations.length)")
            context.close()
    return found


def main() -> None:
    """Print all figures."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    print(heading(f"The window with {EXECUTIONS:,} executions and {FILES * PASSAGES_A_FILE:,} passages"))
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        fill(home)
        window = Window(home)
        assets = sum(timed(window, path)[1] for path in ASSETS)
        print(f"{'page':26} ms, median (5 to 95 %)   bytes with style, script, icon")
        for name, path in PAGES.items():
            timed(window, path)
            samples = [timed(window, path) for _ in range(ROUNDS)]
            print(f"{name:26} {spread([one for one, _ in samples])}   {samples[0][1] + assets:,}")
        with browser() as chromium:
            if chromium:
                page = chromium.new_page()
                page.goto(window.url)
            before = cpu_seconds(window.process.pid)
            time.sleep(seconds)
            spent = cpu_seconds(window.process.pid) - before
            opened = "a page open in Chromium" if chromium else "no browser"
            print(f"idle, {opened}: {spent / seconds:.2%} of a core over {seconds:.0f} s")
            if chromium and modules("axe").exists():
                print(f"violations that axe-core finds: {violations(chromium, window)}")
        window.close()


if __name__ == "__main__":
    main()
