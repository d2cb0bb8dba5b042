"""Where configuration, state, data and caches live: the only reader of those environment variables.

`MEMORY_ROUTER_HOME` moves everything below one folder. Without it the state stays where OpenClaw's memory
stack keeps it and the rest follows the XDG base directory specification. Plain strings, not `pathlib`:
this module is on the ask path, where that import would cost as much as a query.
"""

import os
import sys

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def moved_home() -> str | None:
    """Return the one folder that everything was moved to, if it was."""
    home = os.environ.get("MEMORY_ROUTER_HOME")
    return os.path.abspath(home) if home else None


def config_dir() -> str:
    """Return the folder of the user's `router-config.json` and third-party backends."""
    return _place("config", "XDG_CONFIG_HOME", ".config")


def data_dir() -> str:
    """Return the folder of what cannot be rebuilt: `memory.db` and `conversations.db`."""
    return _place("data", "XDG_DATA_HOME", ".local/share")


def cache_dir() -> str:
    """Return the folder of what can be rebuilt: `documents.db` and other indexes."""
    return _place("cache", "XDG_CACHE_HOME", ".cache")


def state_dir() -> str:
    """Return the folder of `backends.json`, `breakers.json` and `router.log` (seed 002, Configuration)."""
    home = os.environ.get("MEMORY_ROUTER_HOME")
    return os.path.join(os.path.abspath(home), "state") if home else _below_home(".openclaw/state")


def backends_file() -> str:
    """Return the path of the state file that lists the installed backends."""
    return os.path.join(state_dir(), "backends.json")


def breakers_file() -> str:
    """Return the path of the file in which circuit breakers remember timeouts."""
    return os.path.join(state_dir(), "breakers.json")


def log_file() -> str:
    """Return the path of the journal of fallbacks and timeouts."""
    return os.path.join(state_dir(), "router.log")


def hooks_log() -> str:
    """Return the path of the journal of what hooks did."""
    return os.path.join(state_dir(), "hooks.log")


def documents_db() -> str:
    """Return the path of the document index."""
    return os.path.join(cache_dir(), "documents.db")


def graph_db() -> str:
    """Return the path of the knowledge graph."""
    return os.path.join(cache_dir(), "graph.db")


def transcripts_db() -> str:
    """Return the path of the archive of conversations; it holds what hosts have deleted by now."""
    return os.path.join(data_dir(), "conversations.db")


def sessions_survey() -> str:
    """Return the path of the note that says when conversations were last imported, and from where."""
    return os.path.join(cache_dir(), "sessions.json")


def index_progress() -> str:
    """Return the path of the note that says how far the run of the index is that is at work."""
    return os.path.join(cache_dir(), "indexing.json")


def earlier_transcripts_db() -> str:
    """Return where earlier versions kept the archive of conversations; it is moved from there automatically."""
    return os.path.join(cache_dir(), "transcripts.db")


def memory_db() -> str:
    """Return the path of the database of memories."""
    return os.path.join(data_dir(), "memory.db")


def memory_store() -> str:
    """Return the URL of the store of memories: `memories.store` of `router-config.json`, else that of `memory.db`.

    Raises:
        ConfigError: the file cannot be read, so that nobody knows where memories belong.
    """
    file = own_config_file()
    if not os.path.exists(file):
        return f"sqlite:{memory_db()}"
    import json  # most users have no such file

    try:
        with open(file, "rb") as stream:
            body = json.loads(stream.read())
        return str((body.get("memories") or {}).get("store") or f"sqlite:{memory_db()}")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        from memory_router.errors import ConfigError

        raise ConfigError(
            f"{shown(file)} cannot be read, so it is unknown where memories are kept ({error}).",
            "Correct it there; `memory-router backends config check` says when it is right.",
        ) from error


def file_of(store: str) -> str | None:
    """Return the absolute path that `sqlite:PATH` or a plain path names; None for the URL of a server."""
    scheme, colon, path = store.partition(":")
    if not colon and (os.sep in store or store.endswith(".db")):
        path = store
    elif scheme != "sqlite" or not path:
        return None
    return os.path.abspath(os.path.expanduser(path.removeprefix("//")))


def memory_file() -> str | None:
    """Return the database file of the store of memories, or None where a server keeps them.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    return file_of(memory_store())


def learning_database() -> str:
    """Return the URL of the database of executions and rules: a team's where one is named, else `memory.db`."""
    return os.environ.get("MEMORY_ROUTER_DATABASE") or f"sqlite:{memory_db()}"


def executions_spool() -> str:
    """Return the path of the executions that are not in the database yet."""
    return os.path.join(data_dir(), "executions.jsonl")


def accesses_spool() -> str:
    """Return the path of the accesses to memories that are not counted yet."""
    return os.path.join(data_dir(), "accesses.jsonl")


def runtime_dir() -> str:
    """Return the folder of the resident's socket: beside what can be rebuilt, so that each home has one of its own."""
    home = moved_home()
    return os.path.join(home or cache_dir(), "run")


def learned_patterns_file() -> str:
    """Return the path of the patterns in what users accept and reject, written for people to review."""
    return os.path.join(data_dir(), "learned-patterns.md")


def outcome_archive() -> str:
    """Return the folder of the full form of compacted outcomes."""
    return os.path.join(data_dir(), "outcome-archive")


def routing_rules_file() -> str:
    """Return the path of the rules in force, a cache of those in the database for the ask path."""
    return os.path.join(state_dir(), "routing-rules.json")


def claude_code_dir() -> str:
    """Return the folder in which Claude Code keeps its settings and transcripts."""
    return os.environ.get("CLAUDE_CONFIG_DIR") or _below_home(".claude")


def claude_code_servers_file() -> str:
    """Return the file in which Claude Code keeps the MCP servers of all projects."""
    folder = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~")
    return os.path.join(folder, ".claude.json")


def cursor_servers_file() -> str:
    """Return the file in which Cursor keeps the MCP servers of all projects."""
    return _below_home(".cursor/mcp.json")


def codex_dir() -> str:
    """Return the folder in which Codex keeps its configuration and sessions."""
    return os.environ.get("CODEX_HOME") or _below_home(".codex")


def codex_config_file() -> str:
    """Return Codex's configuration."""
    return os.path.join(codex_dir(), "config.toml")


def gemini_dir() -> str:
    """Return the folder of Gemini CLI."""
    home = os.environ.get("GEMINI_CLI_HOME")
    return os.path.join(home, ".gemini") if home else _below_home(".gemini")


def cursor_dir() -> str:
    """Return the folder of Cursor's command line."""
    return os.environ.get("CURSOR_CONFIG_DIR") or _below_home(".cursor")


def cursor_user_dir() -> str:
    """Return the folder in which Cursor's editor keeps its state."""
    if sys.platform == "darwin":
        return _below_home("Library/Application Support/Cursor/User")
    return os.path.join(os.environ.get("XDG_CONFIG_HOME") or _below_home(".config"), "Cursor/User")


def opencode_dir() -> str:
    """Return the folder in which OpenCode keeps its sessions."""
    return os.path.join(os.environ.get("XDG_DATA_HOME") or _below_home(".local/share"), "opencode")


def opencode_config_file() -> str:
    """Return OpenCode's configuration."""
    if named := os.environ.get("OPENCODE_CONFIG"):
        return named
    return os.path.join(os.environ.get("XDG_CONFIG_HOME") or _below_home(".config"), "opencode", "opencode.json")


def hermes_dir() -> str:
    """Return the folder of Hermes."""
    return os.environ.get("HERMES_HOME") or _below_home(".hermes")


def openclaw_dir() -> str:
    """Return OpenClaw's state folder, found as its plugin lossless-claw finds it."""
    for variable in ("LCM_OPENCLAW_DIR", "OPENCLAW_STATE_DIR"):
        if folder := os.environ.get(variable):
            return folder
    home = os.environ.get("OPENCLAW_HOME")
    return os.path.join(home, ".openclaw") if home else _below_home(".openclaw")


def lcm_database() -> str | None:
    """Return the lossless-claw database that the environment names, if it names one."""
    return os.environ.get("LCM_DATABASE_PATH") or None


def qmd_index() -> str | None:
    """Return the real QMD's index if there is one: where QMD keeps it, else where OpenClaw does for its main agent.

    A `.qmd` folder of a project is not looked for: a cloned repository could bring one.
    """
    if named := os.environ.get("INDEX_PATH"):
        return os.path.abspath(named) if os.path.exists(named) else None
    cache = os.environ.get("XDG_CACHE_HOME") or _below_home(".cache")
    openclaw = os.path.join(openclaw_dir(), "agents/main/qmd/xdg-cache")
    places = (os.path.join(os.path.abspath(folder), "qmd/index.sqlite") for folder in (cache, openclaw))
    return next(filter(os.path.exists, places), None)


def embedding_model() -> str:
    """Return what embeds the index of notes and code: `static` or the address of an endpoint."""
    return os.environ.get("MEMORY_ROUTER_EMBEDDING") or "static"


def is_meaning_off() -> bool:
    """Return whether the user wants no encoder, though it may be installed."""
    return os.environ.get("MEMORY_ROUTER_MEANING") == "off"


def embedding_endpoint() -> tuple[str, str]:
    """Return the model and the key for an endpoint of embeddings; empty what is not set."""
    return os.environ.get("MEMORY_ROUTER_EMBEDDING_MODEL", ""), os.environ.get("MEMORY_ROUTER_EMBEDDING_KEY", "")


def reranker_endpoint() -> tuple[str, str, str]:
    """Return address, model and key of the endpoint that reranks answers; empty what is not set."""
    address, model, key = map(
        os.environ.get, ("MEMORY_ROUTER_RERANK", "MEMORY_ROUTER_RERANK_MODEL", "MEMORY_ROUTER_RERANK_KEY")
    )
    return address or "", model or "", key or ""


def config_file() -> str:
    """Return the rule table in force: the user's `router-config.json`, else the bundled one."""
    own = own_config_file()
    return own if os.path.exists(own) else bundled("router-config.json")


def own_config_file() -> str:
    """Return the path of the user's `router-config.json`, whether it is there or not.

    Without one in the folder of the configuration, it is the one beside the SKILL.md that an agent reads.
    """
    own = os.path.join(config_dir(), "router-config.json")
    if os.path.exists(own):
        return own
    beside = (os.path.join(skill_dir(home), "router-config.json") for home in (claude_code_dir(), openclaw_dir()))
    return next((file for file in beside if os.path.exists(file) and not _is_bundled(file)), own)


def skill_dir(agent: str) -> str:
    """Return the folder in which an agent, given the folder of its files, reads our SKILL.md."""
    return os.path.join(agent, "skills", "memory-router")


def _is_bundled(file: str) -> bool:
    # A checkout that is linked there is no configuration of the user's.
    return os.path.realpath(file) == os.path.realpath(bundled("router-config.json"))


def backend_folders() -> list[str]:
    """Return the folders that hold backends, bundled ones first; a later one wins by name."""
    return [bundled("backends"), os.path.join(config_dir(), "backends")]


def bundled(name: str) -> str:
    """Return the path of a file or folder that ships with the program.

    A wheel carries it inside the package, a source checkout beside it.
    """
    inside = os.path.join(_PACKAGE, name)
    return inside if os.path.exists(inside) else os.path.join(os.path.dirname(_PACKAGE), name)


def make_private(folder: str) -> str:
    """Create `folder` for this user alone if it is missing, and so the folders above it; return it."""
    if not os.path.isdir(above := os.path.dirname(folder)) and above:
        make_private(above)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def stamp(path: str) -> tuple[int, ...]:
    """Return what tells whether the file at `path` is another one, or was changed; empty where it cannot be seen."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size


def shown(path: str) -> str:
    """Return `path` with the home folder written as `~`, for messages."""
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path.startswith(home + os.sep) else path


def _place(part: str, variable: str, default: str) -> str:
    home = os.environ.get("MEMORY_ROUTER_HOME")
    if home:
        return os.path.join(os.path.abspath(home), part)
    base = os.environ.get(variable, "")
    # The XDG specification says that a relative path there is to be ignored.
    return os.path.join(base if os.path.isabs(base) else _below_home(default), "memory-router")


def _below_home(path: str) -> str:
    return os.path.join(os.path.expanduser("~"), path)
