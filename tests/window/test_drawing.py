"""Lanes and neighbourhoods are drawn to scale, within the drawing, and say what happened."""

from hypothesis import given
from hypothesis import strategies as st

from memory_router.app.health import percentiles
from memory_router.engines.graph.entity import Edge, Entity
from memory_router.engines.graph.search import Neighbourhood
from memory_router.interfaces.window import drawing
from memory_router.interfaces.window.lanes import WIDTH, lanes
from memory_router.interfaces.window.rendering import visible

ATTEMPTS = st.lists(
    st.fixed_dictionaries(
        {
            "step": st.sampled_from(["qmd:search", "totalrecall", "cognee"]),
            "status": st.sampled_from(["success", "partial", "empty", "error", "superseded"]),
            "accepted": st.booleans(),
            "relevance": st.floats(0, 1),
            "duration_ms": st.integers(0, 10_000),
            "deadline_ms": st.integers(1, 10_000),
            "started_ms": st.none() | st.integers(0, 10_000),
            "error_code": st.sampled_from([None, "QUERY_TIMEOUT", "CIRCUIT_OPEN", "BACKEND_ERROR"]),
        }
    )
)


@given(ATTEMPTS)
def test_every_lane_lies_on_the_axis(attempts: list[dict[str, object]]) -> None:
    """No lane begins before the axis or ends behind it, and each can be seen."""
    axis = lanes(attempts)
    assert len(axis.lanes) == len(attempts)
    for lane in axis.lanes:
        assert 0 <= lane.start < lane.start + lane.length <= WIDTH
        assert lane.told


def test_what_was_asked_at_once_is_drawn_so() -> None:
    """Recorded lanes begin where their backends were asked; of older records one is drawn behind the other."""
    told = {"status": "success", "accepted": True, "relevance": 0.9, "deadline_ms": 500, "error_code": None}
    both = [{**told, "step": step, "duration_ms": 100} for step in ("qmd", "lossless")]
    assert [lane.start for lane in lanes([{**one, "started_ms": 0} for one in both]).lanes] == [0, 0]
    assert [lane.start for lane in lanes([{**one, "started_ms": None} for one in both]).lanes] == [0, WIDTH // 2]


def entity(key: int) -> Entity:
    """Return a thing of the graph."""
    return Entity(key, "function", f"thing_{key}" * (key % 4 + 1), f"module.thing_{key}", None, 1, 2, "", 0.0)


@given(st.integers(1, 40), st.integers(0, 40))
def test_every_thing_is_drawn_within_the_picture(near: int, far: int) -> None:
    """Each thing of a neighbourhood has a place of its own in the picture, each relation between them a line."""
    things = {key: entity(key) for key in range(1 + near + far)}
    edges = [Edge(0, key, "calls", 1.0, None, 0, "") for key in range(1, near + 1)]
    edges += [Edge(1, key, "calls", 1.0, None, 0, "") for key in range(near + 1, near + far + 1)]
    drawn = drawing.drawn(Neighbourhood(0, things, edges))
    assert drawn
    assert len({(dot.x, dot.y) for dot in drawn.dots}) == len(things)
    assert all(0 < dot.x < drawn.width and 0 < dot.y < drawn.height for dot in drawn.dots)
    assert len(drawn.lines) == len(edges)


def test_a_thing_alone_is_not_drawn() -> None:
    """Where nothing is around, there is no picture."""
    assert drawing.drawn(None) is None
    assert drawing.drawn(Neighbourhood(0, {0: entity(0)}, [])) is None


@given(st.lists(st.integers(0, 10_000), min_size=1))
def test_percentiles_are_values_that_were_measured(values: list[int]) -> None:
    """Nearest rank: at least so many percent of the values are not larger, and each is one of them."""
    found = percentiles(values)
    assert set(found) <= set(values)
    for rank, value in zip((50, 90, 99), found, strict=True):
        assert 100 * sum(one <= value for one in values) >= rank * len(values)


@given(st.text())
def test_what_is_shown_can_be_encoded_and_is_visible(text: str) -> None:
    """No control character and no half of a character gets into a page."""
    shown = visible(text)
    assert shown.encode().decode() == shown
    assert not any(ord(char) < 32 and char not in "\t\n" for char in shown)
