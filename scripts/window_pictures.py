"""Draw the pictures of the window that the documentation shows: `python scripts/window_pictures.py [FOLDER]`.

They are of a furnished home that is made for it, in a real Chromium, and lie in docs/images unless FOLDER is given.
"""

import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))

from playwright.sync_api import sync_playwright  # noqa: E402 - behind the path to what is imported below

from tests.conftest import Home  # noqa: E402
from tests.window.browser import CHROMIUM, chromium_path  # noqa: E402
from tests.window.demo import furnish  # noqa: E402
from tests.window.serving import Window  # noqa: E402

# By name: the page, how wide the picture is, and its colours.
PICTURES = {
    "window-ask": ("/ask?q=what+depends+on+BerthAllocator&strategy=all", 1280, "light"),
    "window-memories": ("/memories?text=demurrage&store=totalrecall", 1280, "light"),
    "window-graph": ("/graph?name=BerthAllocator", 1280, "light"),
    "window-executions": ("/executions", 1280, "light"),
    "window-decide": ("/decide", 1280, "light"),
    "window-health": ("/health", 1280, "dark"),
    "window-narrow": ("/ask?q=what+depends+on+BerthAllocator", 380, "dark"),
}
HEIGHT = 820
_MOST_BYTES = 150_000


def main() -> None:
    """Draw all pictures, and end with an error if one is too large for the documentation."""
    path = chromium_path()
    if path is None:
        sys.exit("There is no Chromium. On Debian: sudo apt install chromium")
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs" / "images"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Home(Path(folder))
        furnish(home)
        window = Window(home, at_terminal=True)
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        for name, (address, width, scheme) in PICTURES.items():
            context = browser.new_context(
                viewport={"width": width, "height": HEIGHT},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page = context.new_page()
            page.goto(window.url)
            page.goto(window.base + address)
            page.evaluate("document.querySelectorAll('form details').forEach(one => { one.open = false })")
            picture = target / f"{name}.png"
            page.screenshot(path=picture)
            context.close()
            print(f"{picture.name}: {picture.stat().st_size:,} bytes")
            if picture.stat().st_size > _MOST_BYTES:
                sys.exit(f"{picture} is larger than {_MOST_BYTES:,} bytes.")
        browser.close()
        window.close()


if __name__ == "__main__":
    main()
