"""People read, ask, rate and decide in a real browser, with a mouse, by keyboard, on a telephone, in the dark."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from memory_router.app import looking
from memory_router.routing.journal import Journal
from memory_router.storage.files import exclusive
from tests.conftest import Home
from tests.window.demo import GUARDED
from tests.window.serving import Window

pytestmark = pytest.mark.timeout(300)

PAGES = {
    "ask": "/ask",
    "answer": "/ask?q=what+depends+on+BerthAllocator&beside=all",
    "memories": "/memories",
    "replaced": "/memories?replaced=yes",
    "graph": "/graph?name=BerthAllocator&depth=2",
    "executions": "/executions",
    "decide": "/decide",
    "health": "/health?check",
    "error": "/nowhere",
}
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
HOSTILE = {
    "script": f"Never run this. {SCRIPT} {{{{ 7 * 7 }}}}",
    "style": '</div></style><style>body{display:none}</style> <p style="position:fixed;inset:0">over everything',
    "direction": "pay \u202egpj.exe\u202c to \u2067the left\u2069 and \u0645\u0631\u062d\u0628\u0627 right",
    "control": "bell \x07 escape \x1b[31m null and \u0085 newline",
    "long": "word" * 5000,
}


@pytest.fixture
def page(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return a page of a browser that has entered the window; it ends with nothing loaded from elsewhere."""
    context = chromium.new_context(**getattr(request, "param", {}))
    made = context.new_page()
    told: list[str] = []
    made.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    made.on("pageerror", lambda error: told.append(str(error)))
    made.on("request", lambda one: told.append(one.url) if "127.0.0.1" not in one.url else None)
    yield made
    context.close()
    assert [one for one in told if "status of 40" not in one] == []


def enter(page: Any, window: Window) -> Any:
    """Open the address that was printed."""
    page.goto(window.url)
    assert "token" not in page.url
    return page


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 380)])
def test_everybody_can_use_every_page(chromium: Any, seen: Window, axe: str, scheme: str, width: int) -> None:
    """axe-core finds no violation on any page, wide and light or narrow and dark."""
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = enter(context.new_page(), seen)
    page.goto(f"{seen.base}/memories?store=totalrecall")
    memory = str(page.locator(".list a").first.get_attribute("href"))
    page.goto(f"{seen.base}/executions?kind=questions")
    execution = str(page.locator(".timeline a.text").first.get_attribute("href"))
    for path in (*PAGES.values(), memory, execution):
        page.goto(seen.base + path)
        page.evaluate(axe)
        found = page.evaluate("axe.run().then(result => result.violations)")
        assert [(path, one["id"], one["nodes"][0]["html"]) for one in found] == []
    context.close()


@pytest.mark.parametrize("page", [{"viewport": {"width": 380, "height": 800}}], indirect=True)
def test_every_page_fits_a_telephone(seen: Window, page: Any) -> None:
    """At 380 pixels no page has to be moved sideways."""
    enter(page, seen)
    for path in PAGES.values():
        page.goto(seen.base + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 380, path


@pytest.mark.parametrize("page", [{"java_script_enabled": False}], indirect=True)
def test_pages_are_read_without_scripts(seen: Window, page: Any) -> None:
    """Without JavaScript every page says the same."""
    enter(page, seen)
    page.fill("#q", "what depends on BerthAllocator")
    page.click("form.ask button")
    assert "rule 2 (relationship)" in page.inner_text("main").lower()
    page.goto(f"{seen.base}/memories")
    page.click(".list a >> nth=0")
    assert page.locator(".text.full").count()


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_page_is_light(seen: Window, path: str) -> None:
    """What a page carries stays below 60 KB, style and script included."""
    carried = 0
    for one in (path, "/static/window.css", "/static/window.js", "/static/icon.svg"):
        headers = {"Authorization": f"Bearer {seen.token}", "Accept-Encoding": "gzip"}
        carried += int(seen.ask("GET", one, **headers).headers["content-length"])
    assert carried <= 60_000


def test_an_answer_is_shown_with_its_route(seen: Window, page: Any) -> None:
    """Beside the answer stand the rules tried, the signal in the question, and a lane for each backend."""
    enter(page, seen)
    page.fill("#q", "what depends on BerthAllocator")
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer")
    assert "depends on" in page.inner_text("mark")
    assert page.locator(".rules .taken").inner_text() == "2 relationship"
    assert page.locator(".rules li").count() == 2
    assert page.locator(".lane.accepted .step").inner_text() == "cognee"
    assert page.locator(".results > li").count() > 0


def test_another_strategy_stands_beside_it(seen: Window, page: Any) -> None:
    """The same question by another strategy and threshold shows how its results were put in order."""
    enter(page, seen)
    page.goto(f"{seen.base}/ask?q=what+does+Lucia+prefer&strategy=in_turn&beside=all&threshold=0.9")
    titles = page.locator(".answer h2").all_inner_texts()
    assert titles == ["One backend after the other", "All backends at once, threshold 0.90"]
    second = page.locator(".answer").nth(1)
    assert second.locator(".lane").count() == 4
    assert "log-odds" in second.locator(".numbers").inner_text()


def test_a_wrong_threshold_is_told(seen: Window) -> None:
    """An invalid threshold is an error that says what is allowed."""
    for wrong in ("much", "2", "nan"):
        reply = seen.get(f"/ask?q=x&threshold={wrong}")
        assert reply.status == 400
        assert "from 0 to 1" in reply.text


def test_all_memories_stand_in_one_list(seen: Window, page: Any) -> None:
    """Each store is in the list, filters choose among them, and pages follow each other without a gap."""
    enter(page, seen)
    for store in looking.STORES[:4]:  # the others are other programs' data
        page.goto(f"{seen.base}/memories?store={store}")
        assert page.locator(f".list .badge.{store}").count() == 30
    page.goto(f"{seen.base}/memories?store=totalrecall")
    texts = page.locator(".list a").all_inner_texts()
    while page.locator(".pager a[rel=next]").count():
        page.click(".pager a[rel=next]")
        texts += page.locator(".list a").all_inner_texts()
    assert len(texts) == len(set(texts)) == 73
    page.goto(f"{seen.base}/memories?text=demurrage+reefers&tag=demurrage")
    assert page.locator(".list > li").count() == 1


def test_a_replaced_fact_leads_to_its_history(seen: Window, page: Any) -> None:
    """From a replaced fact one sees the whole chain, and which one is in force."""
    enter(page, seen)
    page.goto(f"{seen.base}/memories?replaced=yes")
    assert page.locator(".list > li").count() == 2
    page.click(".list a >> nth=0")
    revisions = page.locator(".chain li").all_inner_texts()
    assert [re.findall(r"\d\d hours", one)[0] for one in revisions] == ["24 hours", "36 hours", "48 hours"]
    assert "48 hours" in page.inner_text(".chain .current")


def test_a_passage_is_shown_with_its_neighbours_and_the_graph(seen: Window, page: Any) -> None:
    """A passage of code leads to what stands around it and to the things that are connected with it."""
    enter(page, seen)
    page.goto(f"{seen.base}/memories?store=qmd&text=BerthAllocator&origin=allocator.py")
    page.click(".list a >> nth=0")
    assert "vessels" in page.inner_text(".text.full >> nth=0")
    assert page.locator(".graph circle").count() > 1
    page.click(".graph a >> nth=1")
    assert page.url.startswith(f"{seen.base}/graph?id=")


def test_hooks_say_what_they_did_and_why(seen: Window, page: Any) -> None:
    """Each prompt that a hook saw is in the timeline, with the reason where nothing was put before it."""
    enter(page, seen)
    page.goto(f"{seen.base}/executions?kind=hooks")
    assert page.locator(".by-hook").count() == 3
    assert "the prompt points to no earlier work" in page.inner_text(".timeline")


def test_what_went_into_a_prompt_is_read_in_full(window: Window, page: Any, own: Home) -> None:
    """From a hook that put something before a prompt one click leads to each text that went in."""
    identifier = own.run("remember", "Tides.", "--json").json["id"]
    Journal(str(own.state / "hooks.log")).hook("PROMPT", "injected", results=1, ids=identifier)
    enter(page, window)
    page.goto(f"{window.base}/executions?kind=hooks")
    page.click(f"text={identifier}")
    assert page.inner_text(".text.full >> nth=0") == "Tides."


def test_the_timeline_has_no_gap(seen: Window, page: Any) -> None:
    """Page after page shows every question and every hook once."""
    enter(page, seen)
    page.goto(f"{seen.base}/executions")
    seen_links: list[str] = []
    hooks = 0
    while True:
        seen_links += [str(one.get_attribute("href")) for one in page.locator(".timeline a.text").all()]
        hooks += page.locator(".by-hook").count()
        if not page.locator(".pager a[rel=next]").count():
            break
        page.click(".pager a[rel=next]")
    assert len(seen_links) == len(set(seen_links)) >= 128
    assert hooks == 3


def test_an_answer_is_rated_with_one_click(window: Window, page: Any, own: Home) -> None:
    """A click on a star keeps the rating where the command line sees it, and returns to the same place."""
    enter(page, window)
    page.goto(f"{window.base}/executions?kind=questions")
    link = str(page.locator(".timeline li:nth-child(2) a.text").get_attribute("href"))
    entry = f'.timeline li:has(a.text[href="{link}"])'  # another question may come in between
    page.click(f"{entry} .star:nth-of-type(4)")
    page.wait_for_load_state()
    assert page.url.startswith(f"{window.base}/executions?kind=questions&done=rated")
    assert page.locator(f"{entry} .star.on").count() == 4
    listed = own.run("executions", "list", "--limit", "10", "--json").json["executions"]
    (rated,) = (execution for execution in listed if execution["id"] in link)
    assert rated["user_satisfaction"] == 4


def test_suggestions_are_decided(window: Window, page: Any, own: Home) -> None:
    """Accept, undo and reject do what the command line does: the same change, the same outcomes."""
    enter(page, window)
    page.goto(f"{window.base}/decide")
    first = page.locator("article").filter(has_text="reduce source")
    assert first.locator(".interval").count() == 2
    first.locator("input[name=reason]").fill("cognee is not needed here")
    first.locator("button:has-text('Accept')").click()
    assert "Accepted" in page.inner_text("[role=status]")
    assert '"primary": "qmd:vsearch"' in (own.folder / "config" / "router-config.json").read_text()
    page.click("button:has-text('Undo')")
    assert "Undone" in page.inner_text("[role=status]")
    page.locator("article").filter(has_text="approve rule").locator("button:has-text('Reject')").click()
    assert "Rejected" in page.inner_text("[role=status]")
    outcomes = own.run("outcomes", "list", "--layer", "detail", "--json").json
    told = [(one["suggestion_type"], one["outcome"], one["user_reason"]) for one in outcomes["outcomes"]]
    assert ("reduce_source", "accepted", "cognee is not needed here") in told
    assert any(one[:2] == ("approve_rule", "rejected") for one in told)


def test_an_approval_is_given_at_a_terminal_only(window: Window, page: Any, own: Home, seen: Window) -> None:
    """A person at a terminal approves for one use; a window that a program started refuses, and says why."""
    assert "A program started this window" in seen.get("/decide").text
    identifier = own.run("approvals", "--json").json["approvals"][0]["id"]
    assert seen.post(f"/decide/approvals/{identifier}/approve").status == 403
    enter(page, window)
    page.goto(f"{window.base}/decide")
    page.click("button:has-text('Approve for one use')")
    assert "Approved for one use" in page.inner_text("[role=status]")
    assert own.run("query", GUARDED, "--json").json["status"] != "error"
    assert own.run("query", GUARDED, "--json").json["error_code"] == "APPROVAL_REQUIRED"


def test_everything_is_reached_by_keyboard(window: Window, page: Any) -> None:
    """Tab and Enter alone ask a question, rate the answer, and go to another page; what has the focus is seen."""
    enter(page, window)
    page.keyboard.press("Tab")
    page.keyboard.press("/") if page.evaluate("document.activeElement.tagName") != "INPUT" else None
    page.locator("#q").focus()
    page.keyboard.type("what depends on BerthAllocator")
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.star')"):
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=status]")
    assert "rating is kept" in page.inner_text("[role=status]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_health_tells_how_everything_is(seen: Window, page: Any) -> None:
    """Backends with their latencies, stores with their content, evidence, and what is saved, honestly."""
    enter(page, seen)
    page.goto(f"{seen.base}/health?check")
    text = page.inner_text("main")
    for told in ("cognee", "5,000 ms", "persistent", "harbor", "not a measurement", "0 new, 0 changed, 0 removed"):
        assert told in text


def test_hostile_texts_are_only_shown(window: Window, page: Any, own: Home) -> None:
    """Whatever was remembered is text: no script runs, no style applies, no direction reaches beyond it."""
    for text in HOSTILE.values():
        assert own.run("remember", text, "--tag", "hostile", "--json").code == 0
    own.run("query", HOSTILE["script"], "--json")
    enter(page, window)
    paths = [
        "/memories?tag=hostile",
        f"/ask?q={quote(SCRIPT)}",
        f"/memories?text={quote(SCRIPT)}&project={quote(SCRIPT)}",
        f"/graph?name={quote(SCRIPT)}",
        "/executions",
    ]
    page.goto(window.base + paths[0])
    paths += [str(one.get_attribute("href")) for one in page.locator(".list a").all()]
    assert len(paths) == 10
    for path in paths:
        page.goto(window.base + path)
        assert page.title() != "owned"
        assert page.is_visible("h1")
        assert page.evaluate("getComputedStyle(document.body).display") == "block"
        text = page.content()
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x07\x1b]", text)
    page.goto(window.base + paths[0])
    assert "{{ 7 * 7 }}" in page.inner_text(".list")


def test_a_text_of_ten_megabytes_is_read_in_parts(window: Window, page: Any, own: Home) -> None:
    """A passage of 10 MB does not stop the page: it comes in parts, each light."""
    note = own.folder / "big" / "note.md"
    note.parent.mkdir()
    note.write_text("# Log of the crane\n\n" + "crane moved container MSKU9070323 at night. " * 240_000)
    assert own.run("index", str(note.parent), "--json").code == 0
    reply = window.get("/memories?store=qmd&text=crane+MSKU9070323")
    assert len(reply.text) <= 60_000
    enter(page, window)
    page.goto(f"{window.base}/memories?store=qmd&origin=big")
    for link in [one.get_attribute("href") for one in page.locator(".list a").all()][:1]:
        assert len(window.get(str(link)).text) <= 60_000


def test_a_thing_of_the_graph_leads_to_what_is_known_of_it(seen: Window, page: Any) -> None:
    """From an entry of the graph in the list one reads what the thing is, and sees what surrounds it."""
    enter(page, seen)
    page.goto(f"{seen.base}/memories?store=cognee&text=BerthAllocator")
    page.click(".list a >> nth=0")
    assert "BerthAllocator" in page.inner_text(".text.full >> nth=0")
    assert page.locator(".graph circle").count() > 1


def test_a_run_of_the_index_is_followed(window: Window, page: Any, own: Home) -> None:
    """While folders are indexed Health says how far it is, without being loaded again, and stops when it is done."""
    enter(page, window)
    note = own.folder / "cache" / "indexing.json"
    with exclusive(str(own.folder / "cache" / "documents.db")):
        note.write_text(json.dumps([str(own.folder), 100, 7]))
        page.goto(f"{window.base}/health")
        assert "7 of 100 files" in page.inner_text("[data-live]")
        note.write_text(json.dumps([str(own.folder), 100, 63]))
        page.wait_for_selector("[data-live]:has-text('63 of 100 files')")
    page.wait_for_selector("[data-live]", state="detached")
