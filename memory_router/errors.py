"""The errors of this program.

    MemoryRouterError
    ├── QueryError
    │   ├── EmptyQueryError          EMPTY_QUERY
    │   ├── QueryTooLongError        QUERY_TOO_LONG
    │   ├── InvalidTimeError         INVALID_TIME
    │   ├── UnknownRuleError         UNKNOWN_RULE
    │   └── UnknownBackendError      UNKNOWN_BACKEND
    ├── ConfigError                  CONFIG_INVALID
    ├── ManifestError                MANIFEST_INVALID
    ├── StateError
    │   ├── NotInitialisedError      NOT_INITIALISED
    │   └── InvalidStateError        STATE_INVALID
    ├── NoBackendsError              NO_BACKENDS
    ├── BackendError                 BACKEND_ERROR
    │   ├── CircuitOpenError         CIRCUIT_OPEN
    │   ├── BackendTimeoutError      QUERY_TIMEOUT
    │   └── InvalidResponseError     INVALID_RESPONSE
    ├── RefusedFormError             FORM_REFUSED
    ├── ApprovalError
    │   ├── ApprovalRequiredError    APPROVAL_REQUIRED
    │   ├── ApprovalDeniedError      APPROVAL_DENIED
    │   └── ApprovalMismatchError    APPROVAL_MISMATCH
    ├── GateClosedError              GATE_CLOSED
    ├── RuleError                    RULE_ERROR
    ├── AdviceError                  ADVICE_ERROR
    ├── AmendmentError               AMENDMENT_ERROR
    ├── SkillError                   SKILL_ERROR
    ├── SettingsError                SETTINGS_ERROR
    ├── RefusedMemoryError           MEMORY_REFUSED
    ├── UsageError                   USAGE_ERROR
    ├── CancelledError               CANCELLED
    └── StoreError                   STORE_ERROR
        ├── NewerStoreError          STORE_NEWER
        └── CorruptStoreError        STORE_CORRUPT

Each carries `code` (for programs), `cause` (what happened and why) and `fix` (what to do next). A backend may
answer with codes of its own, such as `NOT_INDEXED`; they pass through unchanged.
"""

import sys
from typing import ClassVar

# What `scripts/setup.sh` installs, and the window.
_USUAL_EXTRAS = ("code", "graph", "mcp", "window")


class MemoryRouterError(Exception):
    """Any failure that the program can explain.

    Args:
        cause: one sentence: what happened, and why.
        fix: one sentence: what to do next.
    """

    code: ClassVar[str] = "ERROR"

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(cause, fix)
        self.cause = cause
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.cause} {self.fix}".strip()


class QueryError(MemoryRouterError):
    """The question cannot be asked as it stands."""


class EmptyQueryError(QueryError):
    """The question holds no visible character."""

    code = "EMPTY_QUERY"


class QueryTooLongError(QueryError):
    """The question is longer than any question is."""

    code = "QUERY_TOO_LONG"


class InvalidTimeError(QueryError):
    """What was given as a time is invalid, or nothing lies between the two."""

    code = "INVALID_TIME"


class UnknownRuleError(QueryError):
    """The caller chose a rule that the table does not hold."""

    code = "UNKNOWN_RULE"


class UnknownBackendError(QueryError):
    """The caller chose a backend or a mode that is not there."""

    code = "UNKNOWN_BACKEND"


class ConfigError(MemoryRouterError):
    """The rule table breaks its schema."""

    code = "CONFIG_INVALID"


class ManifestError(MemoryRouterError):
    """A `backend.json` breaks the contract."""

    code = "MANIFEST_INVALID"


class StateError(MemoryRouterError):
    """The list of installed backends cannot be used."""


class NotInitialisedError(StateError):
    """There is no list of installed backends yet."""

    code = "NOT_INITIALISED"


class InvalidStateError(StateError):
    """The list of installed backends is there but cannot be read."""

    code = "STATE_INVALID"


class NoBackendsError(MemoryRouterError):
    """Every step of the plan was skipped."""

    code = "NO_BACKENDS"


class BackendError(MemoryRouterError):
    """A backend could not be started, or died."""

    code = "BACKEND_ERROR"


class CircuitOpenError(BackendError):
    """The backend timed out too often, so it is not asked for a while."""

    code = "CIRCUIT_OPEN"


class BackendTimeoutError(BackendError):
    """A backend did not answer within its deadline."""

    code = "QUERY_TIMEOUT"


class InvalidResponseError(BackendError):
    """A backend answered with something that breaks the contract."""

    code = "INVALID_RESPONSE"


class RefusedFormError(MemoryRouterError):
    """A form does not come from a page of the window, or is too long."""

    code = "FORM_REFUSED"


class ApprovalError(MemoryRouterError):
    """A question that needs approval must not run.

    Args:
        cause: what happened, and why.
        fix: what to do next.
        approval: the id of the approval that is asked for, or was shown.
    """

    def __init__(self, cause: str, fix: str, approval: str) -> None:
        super().__init__(cause, fix)
        self.approval = approval


class ApprovalRequiredError(ApprovalError):
    """Nobody has approved the question yet."""

    code = "APPROVAL_REQUIRED"


class ApprovalDeniedError(ApprovalError):
    """Somebody denied the question."""

    code = "APPROVAL_DENIED"


class ApprovalMismatchError(ApprovalError):
    """The approval is unknown, expired, used, of another question, or not this person's to give."""

    code = "APPROVAL_MISMATCH"


class GateClosedError(MemoryRouterError):
    """Whether the question needs approval cannot be found out, so it is not asked."""

    code = "GATE_CLOSED"


class RuleError(MemoryRouterError):
    """A routing rule cannot be written or found."""

    code = "RULE_ERROR"


class AmendmentError(MemoryRouterError):
    """A setting of the user's cannot be changed, or not be changed back."""

    code = "AMENDMENT_ERROR"


class AdviceError(MemoryRouterError):
    """A suggestion or an outcome cannot be recorded, found or carried out."""

    code = "ADVICE_ERROR"


class SkillError(MemoryRouterError):
    """The skill cannot be installed."""

    code = "SKILL_ERROR"


class SettingsError(MemoryRouterError):
    """The settings of an agent's client cannot be changed; they are as they were."""

    code = "SETTINGS_ERROR"


class RefusedMemoryError(MemoryRouterError):
    """A text cannot be kept as a memory: it says nothing, or it is too long."""

    code = "MEMORY_REFUSED"


class UsageError(MemoryRouterError):
    """The command line names no command or option that there is, or a value that cannot be read."""

    code = "USAGE_ERROR"


class CancelledError(MemoryRouterError):
    """A person did not confirm, so nothing was done."""

    code = "CANCELLED"


class StoreError(MemoryRouterError):
    """A database of ours cannot be used."""

    code = "STORE_ERROR"


class NewerStoreError(StoreError):
    """A database was written by a newer version of the program."""

    code = "STORE_NEWER"


class CorruptStoreError(StoreError):
    """A database is damaged, or the file is not a database."""

    code = "STORE_CORRUPT"


def install_command(extra: str = "") -> str:
    """Return what installs an extra into this installation, however it was made, from where it came (PEP 610).

    Args:
        extra: the extra; without one, the command installs the program anew.
    """
    in_tool = next((tool for tool in ("uv", "pipx") if f"/{tool}/" in sys.prefix), None)
    # A tool's environment is made anew as a whole, so that the command names what most installations have, too.
    extras = sorted({*_USUAL_EXTRAS, extra} - {""}) if in_tool else [extra] if extra else []
    requirement = _source().replace("[]", f"[{','.join(extras)}]" if extras else "")
    if in_tool:
        return f"{'uv tool' if in_tool == 'uv' else 'pipx'} install --force {requirement}"
    return f"{sys.executable} -m pip install {'' if extra else '--force-reinstall '}{requirement}"


def _source() -> str:
    """Return where this program was installed from, as an argument of installers; `[]` takes the extras."""
    import json
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    try:
        told = json.loads(metadata.distribution("memory-router").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        told = {}
    url = told.get("url", "")
    if "vcs_info" in told:
        return f"'memory-router[] @ {told['vcs_info']['vcs']}+{url}'"
    if not url.startswith("file://"):
        return "'memory-router[]'"
    is_editable = told.get("dir_info", {}).get("editable")
    return f"{'--editable ' if is_editable else ''}'{unquote(urlsplit(url).path)}[]'"
