"""Laws of finding files."""

import os
from pathlib import Path

import pytest

from memory_router.sources.discovery import MAX_BYTES, Survey


def survey(root: Path) -> tuple[list[str], Survey]:
    """Return the relative paths found below a root, and the survey."""
    looked = Survey(os.path.realpath(root))
    return [os.path.relpath(one.path, os.path.realpath(root)) for one in looked.files()], looked


def write(root: Path, *names: str, text: str = "x") -> None:
    """Write small files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_ignore_files_of_git_count_from_their_folder(tmp_path: Path) -> None:
    """Nested ignore files add and take back, the nearest has the last word, and .git/info/exclude counts."""
    write(tmp_path, "a.md", "b.log", "keep.log", "logs/x.md", "sub/c.log", "sub/d.md", "sub/deep/e.md", "private.md")
    (tmp_path / ".gitignore").write_text("*.log\n!keep.log\nlogs/\n# a comment\n!\n")
    (tmp_path / "sub/.gitignore").write_text("!c.log\n/deep/\n")
    write(tmp_path, ".git/info/exclude", text="private.md\n")
    found, looked = survey(tmp_path)
    assert found == ["a.md", "keep.log", "sub/c.log", "sub/d.md"]
    assert looked.skipped == {"ignored by git": 4, "hidden file": 2, "hidden folder": 1}


def test_a_folder_inside_a_repository_obeys_the_ignore_files_above(tmp_path: Path) -> None:
    """What the repository ignores stays out when only a part of it is indexed, unless that part itself is ignored."""
    write(tmp_path, ".git/HEAD", "part/a.md", "part/a.tmp", "ignored/b.md")
    (tmp_path / ".gitignore").write_text("*.tmp\nignored/\n")
    assert survey(tmp_path / "part")[0] == ["a.md"]
    assert survey(tmp_path / "ignored")[0] == ["b.md"]


def test_what_nobody_wrote_to_be_read_is_left_out_and_counted(tmp_path: Path) -> None:
    """Vendor folders, environments, lock files, generated, binary and huge files are skipped, each by its reason."""
    write(tmp_path, "node_modules/a.js", "own-env/pyvenv.cfg", "own-env/lib.py", "dist/b.js", ".cache/c.md")
    write(tmp_path, "package-lock.json", "app.min.js", "photo.png", "main.py")
    (tmp_path / "huge.txt").write_bytes(b"x" * (MAX_BYTES + 1))
    found, looked = survey(tmp_path)
    assert found == ["main.py"]
    assert looked.skipped == {
        "vendor or build folder": 3,
        "hidden folder": 1,
        "lock file": 1,
        "generated": 1,
        "binary": 1,
        "larger than 1 MiB": 1,
    }


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        ".env.production",
        ".envrc",
        "prod.env",
        "server.pem",
        "tls.key",
        "master.key",
        "auth_key.p8",
        "store.p12",
        "store.pfx",
        "app.jks",
        "release.keystore",
        "krb5.keytab",
        "vault.kdbx",
        "old.kdb",
        "putty.ppk",
        "secring.gpg",
        "id_rsa",
        "id_ed25519",
        "id_ecdsa.old",
        "ID_RSA",
        "ssh_host_ed25519_key",
        "credentials",
        "Credentials.json",
        "aws-credentials.csv",
        "gcp_credentials.json",
        "application_default_credentials.json",
        "service-account.json",
        "service_account_prod.json",
        "my-project-service-account.json",
        "serviceAccount.json",
        "shop-firebase-adminsdk-x1.json",
        "client_secret_1.json",
        "client_secrets.json",
        ".netrc",
        "_netrc",
        ".npmrc",
        ".pypirc",
        ".pgpass",
        ".my.cnf",
        ".htpasswd",
        ".git-credentials",
        ".dockercfg",
        ".vault-token",
        "kubeconfig",
        "auth.json",
        "secrets.yaml",
        "secret.toml",
        ".secrets",
        "terraform.tfstate",
        "terraform.tfstate.backup",
        "prod.tfvars",
        "office.ovpn",
    ],
)
def test_secrets_are_never_read(tmp_path: Path, name: str) -> None:
    """Files that hold keys or passwords by their name are left out, also when named directly."""
    write(tmp_path, name)
    assert survey(tmp_path)[0] == []
    assert list(Survey(str(tmp_path / name)).files()) == []


def test_what_only_speaks_of_secrets_is_read(tmp_path: Path) -> None:
    """Code and notes about keys and credentials hold none by their names."""
    names = [
        "credential_store.py",
        "credentials.md",
        "environment.md",
        "keyboard.md",
        "secret_santa.md",
        "secrets.py",
        "service_account.py",
        "ssh-keys.md",
    ]
    write(tmp_path, *names)
    found, looked = survey(tmp_path)
    assert (sorted(found), looked.skipped) == (names, {})


def test_symbolic_links_are_never_followed(tmp_path: Path) -> None:
    """Loops end, and nothing outside of the root comes in through a link."""
    inside = tmp_path / "inside"
    write(tmp_path, "outside.md", "inside/a.md")
    (inside / "loop").symlink_to(inside)
    (inside / "up").symlink_to("..")
    (inside / "out.md").symlink_to(tmp_path / "outside.md")
    (inside / "dangling").symlink_to("nowhere")
    os.mkfifo(inside / "pipe")
    found, looked = survey(inside)
    assert found == ["a.md"]
    assert looked.skipped == {"symbolic link": 4, "not a regular file": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folders_are_reported(tmp_path: Path) -> None:
    """A folder without permission is told, and the rest is found."""
    write(tmp_path, "a.md", "closed/b.md")
    (tmp_path / "closed").chmod(0)
    try:
        found, looked = survey(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert found == ["a.md"]
    assert list(looked.unreadable) == [str(tmp_path / "closed")]


def test_any_file_name_is_found(tmp_path: Path) -> None:
    """Spaces, newlines, quotes and characters of other scripts in names are no obstacle."""
    names = ["a b.md", "new\nline.md", "quo'te\".md", "\u65e5\u672c.md", "-dash.md"]
    write(tmp_path, *names)
    assert sorted(survey(tmp_path)[0]) == sorted(names)


def test_an_ignore_file_takes_a_vendor_folder_back_in(tmp_path: Path) -> None:
    """Who keeps notes in a folder called like a build folder says so in an ignore file."""
    write(tmp_path, "coverage/policy.md", "build/b.md")
    (tmp_path / ".memoryrouterignore").write_text("!coverage/\n")
    assert survey(tmp_path)[0] == ["coverage/policy.md"]


def test_a_name_that_is_no_text_is_told_and_harms_nothing(tmp_path: Path) -> None:
    """A file whose name is not UTF-8 is named with the reason; the others are found."""
    write(tmp_path, "a.md")
    with open(os.fsencode(tmp_path) + b"/m\xfcller.md", "wb") as file:
        file.write(b"x")
    found, looked = survey(tmp_path)
    assert found == ["a.md"]
    assert [(os.path.basename(path), "UTF-8" in why) for path, why in looked.unreadable.items()] == [
        ("m�ller.md", True)
    ]
