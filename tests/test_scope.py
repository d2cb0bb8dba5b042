"""Which project a folder belongs to."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_router import paths, scope
from memory_router.scope import admits, current_project, moved_to, project_of, register


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home, and a process that has seen no folder yet."""
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(tmp_path / "home"))
    forget_seen()
    return tmp_path


def forget_seen() -> None:
    """Be as a process that has looked at no folder yet."""
    project_of.cache_clear()
    scope._project_at.cache_clear()


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    who = ("-c", "user.email=a@example.org", "-c", "user.name=a")
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True)


def repository(folder: Path, *files: str) -> Path:
    """Make a repository with one commit of these files; the commit differs from that of every other folder."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", str(folder))
    return folder


def test_subfolders_and_worktrees_are_their_repository(tmp_path: Path) -> None:
    """Every folder of a repository, and every linked worktree of it, belongs to the same project."""
    shop = repository(tmp_path / "shop", "pyproject.toml", "src/cart.py")
    git(shop, "worktree", "add", "-q", str(tmp_path / "elsewhere" / "fix-login"))
    folders = (shop, shop / "src", tmp_path / "elsewhere" / "fix-login", tmp_path / "elsewhere" / "fix-login" / "src")
    assert {project_of(str(folder)) for folder in folders} == {"shop"}


def test_a_process_that_lives_for_long_sees_what_becomes_of_a_folder(tmp_path: Path) -> None:
    """The project that a caller works in is the present one: a folder becomes a repository, and that moves away."""
    folder = tmp_path / "shop"
    (folder / "src").mkdir(parents=True)
    assert current_project(str(folder / "src")) is None
    git(folder, "init", "-q")
    (folder / "readme.md").write_text("Nothing but notes so far.")
    os.utime(folder, (1, 1))  # a clock may tell two changes that follow each other at once the same time
    assert current_project(str(folder / "src")) is None
    (folder / "pyproject.toml").write_text("")
    assert current_project(str(folder / "src")) == "shop"
    folder.rename(tmp_path / "store")
    folder.mkdir()
    assert current_project(str(folder)) is None
    assert current_project(str(tmp_path / "store")) == "store"


def test_worktree_of_a_bare_repository(tmp_path: Path) -> None:
    """A worktree of a bare repository belongs to the project named after it."""
    repository(tmp_path / "shop", "setup.py")
    git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "shop"), str(tmp_path / "store" / "ledger.git"))
    git(tmp_path / "store" / "ledger.git", "worktree", "add", "-q", str(tmp_path / "trees" / "main"))
    assert project_of(str(tmp_path / "trees" / "main")) == "ledger"


def test_moved_checkout_keeps_its_project(tmp_path: Path) -> None:
    """A registered repository is the same project after its folder was moved and renamed, and so is its old place."""
    shop = repository(tmp_path / "code" / "shop", "go.mod")
    assert register(str(shop)) == "shop"
    (tmp_path / "work").mkdir()
    moved = shop.rename(tmp_path / "work" / "webshop")
    forget_seen()
    assert project_of(str(moved)) == "shop"
    assert register(str(moved)) == "shop"
    forget_seen()
    assert project_of(str(moved / "missing")) == project_of(str(shop)) == "shop"


def test_namesakes_are_two_projects(tmp_path: Path) -> None:
    """Two repositories whose folders have the same name do not share memories."""
    first, second = (repository(tmp_path / owner / "api", "Cargo.toml") for owner in ("ann", "bob"))
    assert [register(str(first)), register(str(second)), register(str(second))] == ["api", "bob/api", "bob/api"]


def test_another_repository_at_the_same_place(tmp_path: Path) -> None:
    """A repository that was put where another stood does not inherit its project."""
    first = repository(tmp_path / "a" / "tool", "setup.py")
    register(str(first))
    first.rename(tmp_path / "kept")
    second = repository(tmp_path / "a" / "tool", "setup.py", "other.py")
    git(second, "commit", "-q", "--amend", "-m", "another beginning")
    forget_seen()
    assert register(str(second)) == "a/tool"
    assert project_of(str(tmp_path / "kept")) == "tool"


@pytest.mark.parametrize(
    "files",
    [("a.md", "b.md"), ("daily/1.md", "daily/2.md", ".obsidian/app.json", "x.png"), ("a.org", "todo.txt", "b.md")],
)
def test_repository_of_notes_belongs_to_everywhere(tmp_path: Path, files: tuple[str, ...]) -> None:
    """A repository that holds mostly notes, and no manifest of code, is not a project."""
    vault = repository(tmp_path / "vault", *files)
    assert project_of(str(vault)) is None
    assert register(str(vault)) is None
    moved = vault.rename(tmp_path / "notes")
    assert moved_to(str(vault)) == str(moved)
    forget_seen()
    assert project_of(str(vault)) is None


def test_a_repository_of_notes_that_gets_code_becomes_a_project(tmp_path: Path) -> None:
    """It is registered once more, under a name, when it holds code."""
    vault = repository(tmp_path / "vault", "a.md", "b.md")
    assert register(str(vault)) is None
    (vault / "pyproject.toml").write_text("")
    forget_seen()
    assert register(str(vault)) == project_of(str(vault)) == "vault"


@pytest.mark.parametrize("files", [(), ("README.md", "pyproject.toml"), ("README.md", "main.c", "util.c")])
def test_repository_of_code_is_a_project(tmp_path: Path, files: tuple[str, ...]) -> None:
    """A repository with a manifest, with more code than notes, or with nothing in it yet is a project."""
    assert project_of(str(repository(tmp_path / "tool", *files))) == "tool"


def test_folder_outside_repositories_belongs_to_everywhere(tmp_path: Path) -> None:
    """What lies in no repository belongs to no project."""
    (tmp_path / "notes").mkdir()
    assert project_of(str(tmp_path / "notes")) is None


def test_removed_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose working folder was removed works for no project."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert current_project() is None


def test_registry_is_private(tmp_path: Path) -> None:
    """Only the user may read which projects there are."""
    register(str(repository(tmp_path / "shop")))
    (registry,) = Path(paths.data_dir()).glob("projects*")
    assert registry.stat().st_mode & 0o777 == 0o600


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(torn=st.binary(max_size=60))
def test_damaged_registry_costs_no_answer(home: Path, torn: bytes) -> None:
    """Whatever stands in the registry, a folder gets an answer, and whole lines keep counting."""
    folder = home / "was" / "here"
    whole = json.dumps({"name": "known", "commit": "", "folder": str(folder)}).encode()
    os.makedirs(paths.data_dir(), exist_ok=True)
    (Path(paths.data_dir()) / "projects.jsonl").write_bytes(whole + b"\n" + torn.replace(b"folder", b""))
    forget_seen()
    assert project_of(str(folder / "src")) == "known"


def test_scope_admits_its_project_and_everywhere() -> None:
    """A question about a project sees what belongs to it and what belongs to everywhere; one without, everything."""
    assert [admits(project, "Shop") for project in ("shop", None, "", "bank")] == [True, True, True, False]
    assert admits("bank", None)


def test_where_a_checkout_was_moved_is_found(tmp_path: Path) -> None:
    """A registered checkout is found beside its former place, or where it was seen since."""
    shop = repository(tmp_path / "code" / "shop", "go.mod", "docs/a.md")
    register(str(shop))
    repository(tmp_path / "code" / "other", "go.mod")
    assert moved_to(str(shop)) is None
    renamed = shop.rename(tmp_path / "code" / "webshop")
    assert moved_to(str(shop)) == str(renamed)
    assert moved_to(str(shop / "docs")) == str(renamed / "docs")
    assert moved_to(str(shop / "nothing")) is None
    (tmp_path / "work").mkdir()
    far = renamed.rename(tmp_path / "work" / "shop")
    assert moved_to(str(shop)) is None
    register(str(far))
    assert moved_to(str(shop)) == str(far)
    assert moved_to(str(tmp_path / "never")) is None
