"""Find the files of a folder that are worth indexing, and say why the others are not."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from pathspec import GitIgnoreSpec

MAX_BYTES = 1024 * 1024  # Past this, files are data or generated far more often than written.

# Patterns as in `.gitignore`, for what git keeps and the index should not.
_OWN_IGNORE_FILE = ".memoryrouterignore"
_IGNORE_FILES = (".gitignore", ".git/info/exclude", _OWN_IGNORE_FILE)

_VENDOR_FOLDERS = frozenset(
    [
        "node_modules", "bower_components", "vendor", "third_party", "venv", "site-packages", "__pycache__", "dist",
        "build", "out", "target", "coverage", "htmlcov", "DerivedData", "Pods",
    ]
)  # fmt: skip
_LOCK_FILES = frozenset(
    [
        "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "cargo.lock",
        "poetry.lock", "pdm.lock", "uv.lock", "pipfile.lock", "gemfile.lock", "composer.lock", "go.sum", "flake.lock",
        "packages.lock.json", "podfile.lock", "mix.lock",
    ]
)  # fmt: skip
_GENERATED = re.compile(r"\.(?:min\.(?:js|css|mjs)|map|bundle\.js|snap|tsbuildinfo)$", re.IGNORECASE)
# Names under which programs keep keys and passwords.
_SECRET = re.compile(
    r"^(?:\.env(?!\.(?:example|sample|template|dist)$)(?:rc|[._-].*)?|.*\.env"
    r"|[._]netrc|\.npmrc|\.pypirc|\.pgpass|\.my\.cnf|\.?htpasswd|\.git-credentials|\.dockercfg|\.boto|\.s3cfg|\.vault-token"
    r"|\.terraformrc|kubeconfig|auth\.json|wallet\.dat|secring\..*"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:[._-].*)?|ssh_host_\w+_key"
    r"|(?:.*[._-])?credentials?(?:\.(?:json|ya?ml|toml|ini|cfg|csv|txt|xml|db|enc|properties))?"
    r"|client_?secrets?.*\.json|(?:.*[._-])?service[-_]?accounts?(?:[._-].*)?\.json|.*firebase-adminsdk.*\.json"
    r"|\.?secrets?(?:\.(?:json|ya?ml|toml|ini|env|txt|cfg|properties))?|terraform\.tfstate.*"
    r"|.*\.(?:pem|key|p8|p12|pfx|pkcs12|jks|bks|keystore|keytab|kdbx?|ppk|asc|gpg|pgp|age|tfvars|ovpn))$",
    re.IGNORECASE,
)
_BINARY_NAME = re.compile(
    r"\.(?:png|jpe?g|gif|webp|bmp|ico|icns|tiff?|psd|svgz|pdf|docx?|xlsx?|pptx?|odt|zip|gz|tgz|bz2|xz|zst|7z|rar|jar"
    r"|war|whl|egg|so|dylib|dll|exe|o|a|lib|class|pyc|pyo|wasm|bin|dat|db|db-wal|db-shm|sqlite3?|parquet|npy|npz|pkl"
    r"|onnx|safetensors|pt|pth|h5|mp[34]|wav|flac|ogg|mov|avi|mkv|webm|woff2?|ttf|otf|eot|iso|dmg)$",
    re.IGNORECASE,
)


_UNNAMABLE = "its name is not UTF-8; rename it to have it indexed"


class DiscoveredFile(NamedTuple):
    """A file that may be indexed: absolute path, size in bytes, modification time in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


class Survey:
    """Walk one root and count what is left out.

    Args:
        root: an absolute, real path of a folder or a file.

    Attributes:
        skipped: how many files or folders were left out, by reason.
        unreadable: paths that could not be looked at, with the system's words.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.skipped: Counter[str] = Counter()
        self.unreadable: dict[str, str] = {}

    def files(self) -> Iterator[DiscoveredFile]:
        """Yield the files, folder by folder; symbolic links are never followed, so no loop is possible."""
        if os.path.isfile(self.root):
            yield from self._judged(self.root, os.path.basename(self.root), os.stat(self.root), [])
            return
        # A list instead of recursion: folders may be nested deeper than Python's stack.
        waiting = [(self.root, _ancestors(self.root))]
        while waiting:
            folder, ignores = waiting.pop()
            entries = self._listed(folder)
            names = {entry.name for entry in entries}
            if "pyvenv.cfg" in names and folder != self.root:
                self.skipped["vendor or build folder"] += 1
                continue
            own = [_Ignore(folder, name) for name in _IGNORE_FILES if name.split("/")[0] in names]
            ignores = ignores + [ignore for ignore in own if ignore.spec]
            below: list[str] = []
            for entry in entries:
                yield from self._looked_at(entry, ignores, below)
            waiting += [(path, ignores) for path in reversed(below)]

    def _listed(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.unreadable[folder] = error.strerror or str(error)
            return []

    def _looked_at(
        self, entry: os.DirEntry[str], ignores: list["_Ignore"], below: list[str]
    ) -> Iterator[DiscoveredFile]:
        if not _is_text(entry.name):
            self.unreadable[entry.path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")] = _UNNAMABLE
            return
        try:
            information = entry.stat(follow_symlinks=False)
        except OSError as error:
            self.unreadable[entry.path] = error.strerror or str(error)
            return
        if not stat.S_ISDIR(information.st_mode):
            yield from self._judged(entry.path, entry.name, information, ignores)
        elif reason := _why_not_folder(entry, ignores):
            self.skipped[reason] += 1
        else:
            below.append(entry.path)

    def _judged(
        self, path: str, name: str, information: os.stat_result, ignores: list["_Ignore"]
    ) -> Iterator[DiscoveredFile]:
        reason = _why_not_file(path, name, information, ignores)
        if reason:
            self.skipped[reason] += 1
        else:
            yield DiscoveredFile(path, information.st_size, information.st_mtime_ns)


def _is_text(name: str) -> bool:
    """Return whether a file's name is text, as results and databases have to hold it."""
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)


class _Ignore:
    """The patterns of one ignore file, which count from its folder on."""

    def __init__(self, folder: str, name: str) -> None:
        self.start = len(folder.rstrip(os.sep)) + 1
        self.reason = f"ignored by {name}" if name == _OWN_IGNORE_FILE else "ignored by git"
        self.spec = _ignore_spec(os.path.join(folder, name))

    def verdict(self, path: str) -> bool | None:
        """Return whether the patterns leave `path` out, take it back in (False), or do not speak of it (None)."""
        assert self.spec is not None  # noqa: S101  # only those with patterns are kept
        return self.spec.check_file(path[self.start :]).include


def _ignore_spec(path: str) -> GitIgnoreSpec | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            patterns = [line for line in lines if line.strip() and not line.startswith("#")]
    except OSError:
        return None
    spec = GitIgnoreSpec.from_lines(filter(_is_pattern, patterns))
    return spec if spec.patterns else None


def _is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:  # git, too, passes over a pattern that it cannot read
        return False
    return True


def _ancestors(root: str) -> list[_Ignore]:
    """Return the ignore files above a root inside its repository, unless they leave out the root itself."""
    ignores: list[_Ignore] = []
    folder = root
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return []
        folder = parent
        ignores[:0] = [_Ignore(folder, name) for name in _IGNORE_FILES]
    ignores = [ignore for ignore in ignores if ignore.spec]
    return [] if _ignored(root + os.sep, ignores) else ignores


def _ignored(path: str, ignores: list[_Ignore]) -> str | None:
    """Return why a path is left out, if it is."""
    return _verdict(path, ignores)[1]


def _verdict(path: str, ignores: list[_Ignore]) -> tuple[bool | None, str | None]:
    """Return whether a path is left out by the nearest ignore file that speaks of it (gitignore(5)), and why."""
    for ignore in reversed(ignores):
        verdict = ignore.verdict(path)
        if verdict is not None:
            return verdict, ignore.reason if verdict else None
    return None, None


def _why_not_folder(entry: os.DirEntry[str], ignores: list[_Ignore]) -> str | None:
    if entry.name.startswith("."):
        return "hidden folder"
    verdict, reason = _verdict(entry.path + os.sep, ignores)
    if entry.name in _VENDOR_FOLDERS and verdict is not False:
        return "vendor or build folder"
    return reason


def _why_not_file(path: str, name: str, information: os.stat_result, ignores: list[_Ignore]) -> str | None:
    if stat.S_ISLNK(information.st_mode):
        return "symbolic link"
    if not stat.S_ISREG(information.st_mode):
        return "not a regular file"
    if _SECRET.match(name):
        return "may hold secrets"
    if name.startswith("."):
        return "hidden file"
    if name.lower() in _LOCK_FILES:
        return "lock file"
    if _GENERATED.search(name):
        return "generated"
    if _BINARY_NAME.search(name):
        return "binary"
    if information.st_size > MAX_BYTES:
        return "larger than 1 MiB"
    return _ignored(path, ignores)
