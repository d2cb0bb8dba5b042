"""Nobody gets in but the person who started the window, and nothing gets out."""

import json
import os
import subprocess
import sys
from urllib.parse import urlencode

import pytest

from tests.conftest import Home
from tests.window.serving import Window

PAGES = ["/ask", "/memories", "/executions", "/decide", "/health", "/graph"]


@pytest.mark.parametrize("path", [*PAGES, "/static/window.css", "/nowhere"])
def test_without_the_token_nothing_is_shown(seen: Window, path: str) -> None:
    """No page and no file is given to who does not hold the token, and the refusal does not hold it either."""
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {seen.token}"}):
        reply = seen.ask("GET", path, **headers)
        assert reply.status == 401
        assert seen.token not in reply.text
    assert seen.ask("GET", f"{path}?token={seen.token}x").status == 401
    assert seen.ask("GET", path, Cookie="memory_router_window_1=wrong").status == 401


@pytest.mark.parametrize("path", PAGES)
def test_the_token_opens_every_page(seen: Window, path: str) -> None:
    """A program sends the token as a bearer token, or in the address."""
    assert seen.get(path).status == 200
    assert seen.ask("GET", f"{path}?token={seen.token}").status == 200


def test_a_browser_keeps_the_token_in_a_cookie(seen: Window) -> None:
    """The address that a browser shows and remembers is without the token, the rest of it stays."""
    reply = seen.ask("GET", f"/memories?store=qmd&token={seen.token}", Accept="text/html")
    assert (reply.status, reply.headers["location"]) == (303, "/memories?store=qmd")
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert seen.ask("GET", "/memories", Cookie=cookie.partition(";")[0]).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil:{port}", ""]
)
def test_a_forged_host_is_refused(seen: Window, host: str) -> None:
    """A name that somebody points to this machine (DNS rebinding) does not lead to the window, token or not."""
    reply = seen.ask("GET", "/ask", Authorization=f"Bearer {seen.token}", Host=host.format(port=seen.port))
    assert reply.status in (400, 421)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_another_origin_is_refused(seen: Window, origin: str) -> None:
    """A page of another site can neither read nor change anything, though the browser has the cookie."""
    headers = {"Authorization": f"Bearer {seen.token}", "Origin": origin.format(port=seen.port)}
    assert seen.ask("GET", "/ask", **headers).status == 403
    assert seen.ask("POST", "/decide/approvals/x/approve", **headers).status == 403
    assert (
        seen.ask("GET", "/ask", Authorization=f"Bearer {seen.token}", **{"Sec-Fetch-Site": "cross-site"}).status == 403
    )


@pytest.mark.parametrize("path", [*PAGES, "/static/window.js", "/nowhere"])
def test_nothing_of_a_page_comes_from_elsewhere(seen: Window, path: str) -> None:
    """The policy of every reply forbids scripts and styles within the page, and whatever another site could send."""
    headers = seen.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_holds_neither_script_nor_style(seen: Window, path: str) -> None:
    """Pages name one style sheet and one script, both of this window, and hold no handler."""
    text = seen.get(path).text
    assert text.count("<script") == text.count('<script src="/static/window.js" defer>') == 1
    assert "style=" not in text
    assert "<style" not in text
    assert " on" not in {one[:3] for one in text.split("<") if "=" in one[:3]}
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text


@pytest.mark.parametrize("fields", [{}, {"csrf": ""}, {"csrf": "wrong"}])
def test_a_change_needs_the_key_of_a_page(seen: Window, fields: dict[str, str]) -> None:
    """A form that no page of this window holds changes nothing, although it has the token."""
    for path in ("/decide/suggestions/1/accept", "/decide/approvals/x/approve", "/executions/x/rate"):
        reply = seen.ask("POST", path, urlencode({**fields, "stars": "1"}), Authorization=f"Bearer {seen.token}")
        assert reply.status == 403
        assert "The form is not of this window" in reply.text


def test_a_long_form_is_refused(seen: Window) -> None:
    """Nobody fills the memory of this machine through a form."""
    reply = seen.ask("POST", "/executions/x/rate", "a=" + "b" * 100_000, Authorization=f"Bearer {seen.token}")
    assert reply.status == 403


def test_a_change_is_no_page(seen: Window) -> None:
    """What changes something cannot be done by following a link."""
    assert seen.get("/decide/suggestions/1/accept").status == 405


@pytest.mark.parametrize("path", ["/static/../guard.py", "/static/%2e%2e/guard.py", "/static/..%2fguard.py"])
def test_only_its_own_files_are_served(seen: Window, path: str) -> None:
    """Nothing outside the folder of static files is given away."""
    assert seen.get(path).status == 404


def test_it_returns_to_its_own_pages_only(window: Window) -> None:
    """A form cannot send the browser to another site."""
    identifier = window.get("/executions").text.partition('href="/executions/')[2].partition('"')[0]
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
        reply = window.post(f"/executions/{identifier}/rate", stars="4", back=back)
        assert reply.status == 303
        assert reply.headers["location"] == "/executions?done=rated"


def test_it_listens_on_this_machine_only(seen: Window) -> None:
    """The socket is bound to the loopback interface."""
    listening = f"{seen.port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        bound = [row.split()[1] for row in table if row.split()[1].endswith(f":{listening}") and row.split()[3] == "0A"]
    assert bound == [f"0100007F:{listening}"]


def test_every_launch_has_a_token_of_its_own(seen: Window, window: Window) -> None:
    """The token of one launch does not open another."""
    assert seen.token != window.token
    assert window.ask("GET", "/ask", Authorization=f"Bearer {seen.token}").status == 401


def test_the_address_is_printed_first(furnished: Home) -> None:
    """Who starts it gets the address as one line of JSON, and a connection to it succeeds at once."""
    window = Window(furnished)
    assert window.url == f"http://127.0.0.1:{window.port}/ask?token={window.token}"
    assert window.get("/ask").status == 200
    assert window.close() == 130


def test_a_port_that_is_taken_is_told(furnished: Home, seen: Window) -> None:
    """Two windows cannot share a port; the error says what to do."""
    outcome = furnished.run("window", "--port", str(seen.port), "--no-open", "--json")
    assert outcome.code == 1
    assert "Leave --port out" in json.loads(outcome.out)["error_message"]


def test_without_its_packages_it_says_what_to_install(home: Home) -> None:
    """Whoever has not installed the extra is told how."""
    code = "import sys; sys.modules['starlette'] = None; from memory_router.__main__ import main; main()"
    finished = subprocess.run(
        [sys.executable, "-c", code, "window", "--no-open"],
        env={**os.environ, **home.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert "[window]'" in finished.stderr
