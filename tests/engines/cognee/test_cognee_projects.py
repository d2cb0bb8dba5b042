"""Laws of projects: what Cognee calls a dataset is the project of everything that is from it."""

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from memory_router.engines.cognee.answering import find
from memory_router.engines.cognee.datasets import datasets
from memory_router.engines.cognee.place import place
from tests.engines.cognee.conftest import Api, Machine

IDS = "f9c73d2c-23aa-53a6-b898-3c5b8e3ed82d", "03d39d75-272a-5f25-81ba-7b79d66aea2b"


def name_datasets(folder: Path, *names: str) -> Path:
    """Write names of datasets as Cognee keeps them."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(apsw.Connection(str(folder / "cognee_db"))) as connection:
        connection.pragma("journal_mode", "wal")
        connection.execute("CREATE TABLE datasets(id CHAR(32) NOT NULL, name TEXT)")
        ids = [one.replace("-", "") for one in IDS]
        connection.executemany("INSERT INTO datasets VALUES (?, ?)", zip(ids, names, strict=False))
    return folder


def projects(questions: Sequence[str]) -> set[object]:
    """Return the projects of all answers."""
    there = place()
    assert there
    return {hit.metadata.get("project") for asked in questions for hit in find(there, asked, 5, 20.0).hits}


@pytest.mark.parametrize("way", ["file", "http"])
def test_a_dataset_is_a_project(machine: Machine, api: Api, way: str) -> None:
    """Relations and passages say of which dataset they are, whichever way they came."""
    if way == "file":
        machine.with_file(f"owner/{IDS[0]}.lbug")
        name_datasets(machine.system / "databases", "stack", "other")
    else:
        machine.with_server(api)
    assert projects(["what depends on SessionStore", "where does the tide table hang"]) == {"stack"}


def test_of_a_large_graph_too(machine: Machine, api: Api) -> None:
    """Also where only what is near to the question was asked for."""
    api.faults["/api/v1/datasets/graph-summary"] = 200, [{"datasetId": "d1", "numNodes": 10**6, "numEdges": 10**6}]
    machine.with_server(api)
    assert projects(["what depends on SessionStore", "where does the tide table hang"]) == {"stack"}


def test_without_names_there_is_no_project(machine: Machine) -> None:
    """A graph whose dataset is unknown answers all the same."""
    machine.with_file()
    assert projects(["what depends on SessionStore"]) == {None}


def test_a_graph_of_everything_is_of_the_only_dataset(tmp_path: Path) -> None:
    """The one file of older versions has the name of the dataset if there is but one; nothing is written."""
    one, two = name_datasets(tmp_path / "one", "stack"), name_datasets(tmp_path / "two", "stack", "other")
    files = [str(folder / "cognee_graph_ladybug") for folder in (one, two)]
    assert datasets(files) == {files[0]: "stack"}
    assert os.listdir(one) == os.listdir(two) == ["cognee_db"]


@pytest.mark.parametrize("content", [b"", b"no database" * 100])
def test_names_that_cannot_be_read_are_no_error(tmp_path: Path, content: bytes) -> None:
    """Whatever stands in their place, and nothing is written beside it."""
    (tmp_path / "cognee_db").write_bytes(content)
    assert datasets([str(tmp_path / "cognee_graph_ladybug")]) == {}
    assert os.listdir(tmp_path) == ["cognee_db"]
    assert (tmp_path / "cognee_db").read_bytes() == content
