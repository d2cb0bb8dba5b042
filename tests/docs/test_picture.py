"""The picture in the README shows what the program prints now."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_picture_is_fresh() -> None:
    """A new run of the commands in the picture prints the same; scripts/draw_terminal.py draws it anew."""
    spec = importlib.util.spec_from_file_location("draw_terminal", ROOT / "scripts" / "draw_terminal.py")
    assert spec
    assert spec.loader
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    assert drawing.lasting(drawing.draw()) == drawing.lasting(drawing.PICTURE.read_text("utf-8"))
