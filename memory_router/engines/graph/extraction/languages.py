"""The names of methods in each language's standard library, and which languages call each other."""

_PYTHON = frozenset(
    name for kind in (str, bytes, list, dict, set, int, float, object, BaseException) for name in dir(kind)
) | frozenset(
    ["close", "open", "read", "write", "readline", "flush", "group", "match", "run", "main", "name", "execute"]
)
# Methods of Object, Function, Array, Map, Set, String, Promise and of elements of a page.
_SCRIPT = frozenset(
    """
    add addEventListener append apply at bind call catch charAt clear clone close concat delete emit endsWith entries
    every exec fill filter finally find findIndex flat flatMap focus forEach from get has hasOwnProperty includes
    indexOf join keys log map match next off on once open parse pop push put read reduce remove replace reverse run send
    set shift slice some sort splice split startsWith stringify substring test then toString trim unshift update
    valueOf values write
    """.split()  # noqa: SIM905
)
_JAVA = frozenset(
    """
    accept add addAll apply clear clone close collect contains containsKey equals filter forEach format get getClass
    getName hasNext hashCode indexOf isEmpty iterator keySet length map next of open orElse put read remove run set
    size stream submit test toString trim valueOf values write
    """.split()  # noqa: SIM905
)
_GO = frozenset(
    [
        "Add",
        "Bytes",
        "Close",
        "Done",
        "Error",
        "Get",
        "Len",
        "Less",
        "Lock",
        "Read",
        "Reset",
        "Run",
        "Set",
        "String",
        "Swap",
        "Unlock",
        "Wait",
        "Write",
    ]
)
_RUST = frozenset(
    """
    as_mut as_ref as_str clone cloned cmp collect contains default drop eq expect extend filter find fmt fold from get
    get_mut insert into into_iter is_empty is_none is_some iter iter_mut join keys len lock map map_err next new ok
    or_else parse pop push read remove send sort split take to_owned to_string try_from unwrap unwrap_or values write
    """.split()  # noqa: SIM905
)
_C = frozenset(
    [
        "at",
        "back",
        "begin",
        "c_str",
        "clear",
        "close",
        "data",
        "empty",
        "end",
        "erase",
        "find",
        "front",
        "get",
        "insert",
        "open",
        "pop",
        "push",
        "read",
        "size",
        "write",
    ]
)
_STANDARD = {
    "python": _PYTHON, "javascript": _SCRIPT, "typescript": _SCRIPT, "tsx": _SCRIPT, "java": _JAVA, "go": _GO,
    "rust": _RUST, "c": _C, "cpp": _C,
}  # fmt: skip
_SCRIPTS = ("javascript", "typescript", "tsx")
FAMILIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_SCRIPTS, _SCRIPTS),
    **dict.fromkeys(("c", "cpp"), ("c", "cpp")),
}


def is_standard(name: str, language: str) -> bool:
    """Return whether a language's own library has a method of a name: a receiver may be of the library."""
    return name in _STANDARD.get(language, ())
