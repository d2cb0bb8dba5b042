"""Replace secrets in a text by `[redacted:KIND]` before it is logged or stored.

Precision first: a pattern that fires on prose, hashes or identifiers would spoil the text it protects, so every
kind is either a format with a fixed prefix or a name that says "password" followed by a value that looks like one.

All patterns run in linear time: runs are possessive, each begins at a literal or a token's edge, and what a run
must look like is checked in Python once it has been consumed. They are idempotent because a replaced token was maximal
(a run that may hold `-` may hold every letter of a token), so that its neighbours see the edge of a token before
and after, and no pattern reaches across a `[` except that of assigned values, which comes last and knows our mark.
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Redacted(NamedTuple):
    """A text without its secrets.

    Args:
        text: the text, each secret replaced by `[redacted:KIND]`.
        kinds: which kinds were replaced, in alphabetical order; empty when the text is unchanged.
    """

    text: str
    kinds: tuple[str, ...]


def redact(text: str) -> Redacted:
    """Replace the secrets in `text`, in time linear in its length; a second pass changes nothing.

    Args:
        text: anything, from a query to a document.
    """
    lowered = text.lower()
    marked = _HINTS if lowered.isascii() else _HINTS_OF_ANY
    hinted = {place for mark, hints in marked if mark in lowered for hint, place in hints if hint in lowered}
    if not hinted:
        return Redacted(text, ())
    kinds: set[str] = set()
    for place in sorted(hinted):
        text = _replace(_SECRETS[place], text, kinds)
    return Redacted(text, tuple(sorted(kinds)))


class _Secret(NamedTuple):
    kind: str
    # Lower-case texts of which a secret of this kind holds one: looking for them costs a tenth of the pattern.
    hints: tuple[str, ...]
    # The one named group that took part is replaced, the rest of the match is kept.
    pattern: str
    is_plausible: Callable[[re.Match[str], str], bool] = lambda _match, _value: True
    # What of the group is the secret: it begins with it.
    part: Callable[[str], str] = lambda value: value.rstrip(".,;\\")


def _replace(secret: _Secret, text: str, kinds: set[str]) -> str:
    def replacement(match: re.Match[str]) -> str:
        group = match.lastgroup or "secret"
        value = secret.part(match.group(group))
        if not secret.is_plausible(match, value):
            return match.group()
        kinds.add(secret.kind)
        start = match.start(group)
        before = match.string[match.start() : start]
        after = match.string[start + len(value) : match.end()]
        return f"{before}[redacted:{secret.kind}]{after}"

    return _compiled(secret.pattern).sub(replacement, text)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _token(pattern: str) -> str:
    return rf"(?<![A-Za-z0-9_])(?P<secret>{pattern})(?![A-Za-z0-9_])"


def _has_key_material(_match: re.Match[str], value: str) -> bool:
    """Return whether a text is random rather than words joined by hyphens: letters and digits, 16 in a row."""
    runs = re.findall(r"[A-Za-z0-9]{16,}+", value)
    return any(_has_digit(run) and _has_letter(run) for run in runs)


def _has_key_body(_match: re.Match[str], value: str) -> bool:
    return re.search(r"[A-Za-z0-9+/]{32}", value) is not None


def _is_mixed(_match: re.Match[str], value: str) -> bool:
    return len(value) >= 16 and _has_digit(value) and _has_letter(value)


def _is_no_template(_match: re.Match[str], value: str) -> bool:
    return value[:1] not in "$%{<*" and not value.endswith("*")


def _before_host(value: str) -> str:
    """Return what of the end of an address is a password: it may hold `@`, `/` and `#` itself."""
    hosts = list(_compiled(r"@[\w.-]++(?::[0-9]++)?+(?=$|[/?#,;)`\\])").finditer(value))
    if not hosts:
        return value[: max(value.find("@"), 0)]
    # What has neither a dot nor a port, and another host after it, is a piece of the password; not so in a query.
    path = value.find("?", hosts[0].end())
    hosts = [match for match in hosts if path < 0 or match.start() < path]
    host = next((match for match in hosts if {".", ":"} & set(match.group())), hosts[-1])
    return value[: host.start()]


def _is_url_password(match: re.Match[str], value: str) -> bool:
    is_port = re.match(r"[0-9]{1,5}[^\w@]", value) is not None
    return bool(value) and not is_port and _is_no_template(match, value)


def _after(words: str) -> Callable[[re.Match[str], str], bool]:
    """Return what tells a password that is the argument of a command: its line holds one of `words` before it."""
    commands_and_ends = rf"\n|\b(?i:{words})(?![\w:/-])"

    @functools.lru_cache(maxsize=1)
    def places(text: str) -> list[int]:
        return [match.start() for match in _compiled(commands_and_ends).finditer(text)]

    def is_plausible(match: re.Match[str], value: str) -> bool:
        if not _is_password(match, value):
            return False
        import bisect  # only what names such a command needs it

        before = bisect.bisect_left(places(match.string), match.start())
        return before > 0 and match.string[places(match.string)[before - 1]] != "\n"

    return is_plausible


def _is_random(match: re.Match[str], value: str) -> bool:
    """Return whether a text that only a space separates from the word "password" is one, rather than a word."""
    kinds = "".join("d" if char.isdigit() else "l" if char.isalpha() else "s" for char in value)
    turns = sum(before != after for before, after in itertools.pairwise(kinds))
    return len(value) >= 8 and turns >= 3 and not {"-", "/"} & set(value) and _is_password(match, value)


def _is_password(match: re.Match[str], value: str) -> bool:
    mixed = _has_letter(value) and (_has_digit(value) or re.search(r"[!@#$%^&+~]", value.rstrip("!?")[1:]) is not None)
    return len(value) >= 6 and mixed and _is_literal(match, value)


def _is_named_key(match: re.Match[str], value: str) -> bool:
    return len(value) >= 12 and _has_digit(value) and _has_letter(value) and _is_literal(match, value)


def _is_literal(match: re.Match[str], value: str) -> bool:
    """Return whether a value is a secret, rather than code, a template, a path or a word that only names one."""
    is_call = match.lastgroup == "secret" and match.string[match.end() : match.end() + 1] in tuple("([{")
    return not is_call and _compiled(_HARMLESS).fullmatch(value) is None


def _has_digit(text: str) -> bool:
    return any("0" <= char <= "9" for char in text)


def _has_letter(text: str) -> bool:
    return any("a" <= char <= "z" for char in text.lower())


_HARMLESS = r"""(?xi)
    [\w.]*+ \[ .*                                         # a subscript, a list, our own mark
  | [$%*:=!] .*  |  .* \*                                # a template, an operator, emphasis
  | .* :// .*  |  arn: .*                                 # an address
  | (?: ~ | \.{1,2} )? / [\w./~-]*+                       # a path
  | [\w.+-]++ @ [\w-]++ \. [\w.-]++                      # a mail address
  | [a-z]*+ [0-9]{0,2}+ (?: [._-]++ [a-z]*+ [0-9]{0,2}+ )++    # dotted.name, snake_case2, kebab-case
  | (?: sha | md | base | argon | oauth | utf | aes | [hre]s | pbkdf | [sb]crypt | u?int | float | v )
    [_-]? [0-9]++ [\w-]{0,12}+                            # an algorithm, a type, a version
  | [0-9]{1,3} [a-z]{3,}                                  # a number with its unit
"""
# A bracket only after a quote: the `]` of our own mark ends no name.
_NAME_END = r"""(?:\\{0,3}["']\]?|\*\*)?\s{0,4}(?::=|=>|->|==|=|:\*\*|:|\uff1a)\s{0,4}"""
# A value in quotes of one kind, or a maximal run without space, quotes, brackets and list separators.
_VALUE = (
    r"""(?:"(?P<double>[^"\s]{1,200}+)"|'(?P<single>[^'\s]{1,200}+)'"""
    r"""|(?:\\{1,3}["'])?["'`]?(?P<secret>[^\s"'`,;<>(){}|]++))"""
)

# Names of passwords in other languages, and what follows them: a sign, or "is".
_NAMES = r"(?:[Pp]asswort|[Kk]ennwort|[Mm]ot de passe|[Cc]ontraseña|[Ss]enha|[Ww]achtwoord|[Пп]ароль)"
_NAMES_END = rf"(?:{_NAME_END}|\s{{1,4}}(?:ist|lautet|est|es|é|is|—|-)(?:\s{{1,4}}|:\s{{0,4}}))"
_UNSPACED = r"(?:密码|密碼|パスワード|비밀번호)[\s:\uff1a=「\"'是为為はが는]{1,4}"
_ARGUMENT = r"""["']?(?:\w{1,64}:)?(?P<secret>[^\s"'`\[\]]++)"""
_FOREIGN = ("passwort", "kennwort", "mot de passe", "contraseña", "senha", "wachtwoord", "пароль")
# Formats of tokens that begin with a fixed text, by that text in lower case.
_PREFIXES = {
    "dop_v1_": "do[opr]_v1_[a-f0-9]{64}+",
    "shpat_": "shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32,}+",
    "dapi": "dapi[a-f0-9]{32}+(?:-[0-9])?",
    "lin_api_": "lin_api_[A-Za-z0-9]{32,}+",
    "ntn_": "ntn_[A-Za-z0-9]{40,}+",
    "r8_": "r8_[A-Za-z0-9]{37,}+",
    "xai-": "xai-[A-Za-z0-9]{60,}+",
    "pplx-": "pplx-[A-Za-z0-9]{40,}+",
    "tvly-": "tvly-(?:dev-|prod-)?[A-Za-z0-9]{28,}+",
    "hvs.": "hvs\\.[A-Za-z0-9_-]{24,}+",
    "sbp_": "sbp_[a-f0-9]{40,}+",
    "atatt3": "ATATT3[A-Za-z0-9_=-]{60,}+",
    "nvapi-": "nvapi-[A-Za-z0-9_-]{40,}+",
    "sntrys_": "sntrys_[A-Za-z0-9_+/=]{40,}+",
    "figd_": "figd_[A-Za-z0-9_-]{36,}+",
    "glsa_": "glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}+",
    "dckr_pat_": "dckr_pat_[A-Za-z0-9_-]{24,}+",
    "dp.st.": "dp\\.st\\.(?:[a-z0-9_-]{2,35}\\.)?[A-Za-z0-9]{40,}+",
}

_SECRETS = (
    # First, because its edges are not edges of a token.
    _Secret(
        "private-key",
        ("private key",),
        r"-----BEGIN (?:[A-Z]{2,9} )?PRIVATE KEY(?: BLOCK)?-----"
        # Up to its end, or, where that was cut off, as far as the lines are long and base64.
        # The outermost repetition is not possessive: Python 3.11.2 does not step back from its last, failed try.
        r"(?:(?P<secret>(?:[^-\[]|-(?!----))*+)(?=-----END )|(?P<cut>(?:(?:\s|\\[nr])*+[A-Za-z0-9+/]{40,}+=*+)+))",
        _has_key_body,
    ),
    _Secret("jwt", ("eyj",), _token(r"eyJ[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+")),
    _Secret("aws-access-key", ("akia", "asia"), _token(r"A[KS]IA[A-Z0-9]{16}")),
    _Secret(
        "github-token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        _token(r"gh[pousr]_[A-Za-z0-9]{36,}+|github_pat_[A-Za-z0-9_]{50,}+"),
    ),
    _Secret(
        "gitlab-token",
        ("glpat-", "gldt-", "glrt-", "glsoat-", "glptt-", "glcbt-", "glft-", "glimt-", "glagent-", "gloas-"),
        _token(r"gl(?:pat|dt|rt|soat|ptt|cbt|ft|imt|agent|oas)-[A-Za-z0-9_-]{20,}+"),
    ),
    _Secret("anthropic-key", ("sk-ant-",), _token(r"sk-ant-[A-Za-z0-9_-]{20,}+")),
    _Secret("openai-key", ("sk-",), _token(r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}+")),
    _Secret("openai-key", ("sk-",), _token(r"sk-[A-Za-z0-9_-]{20,}+"), _has_key_material),
    _Secret(
        "stripe-key",
        ("_live_", "_test_", "whsec_"),
        _token(r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}+|whsec_[A-Za-z0-9_+/=]{24,}+"),
    ),
    _Secret(
        "google-key",
        ("aiza", "gocspx-", "ya29."),
        _token(r"AIza[A-Za-z0-9_-]{35,}+|GOCSPX-[A-Za-z0-9_-]{20,}+|ya29\.[A-Za-z0-9_-]{20,}+"),
    ),
    _Secret("slack-token", ("xox", "xapp-"), _token(r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9_-]{12,}+"), _is_mixed),
    _Secret("slack-webhook", ("hooks.slack.com",), r"hooks\.slack\.com/services/(?P<secret>[A-Za-z0-9/]{20,}+)"),
    _Secret("discord-webhook", ("/webhooks/",), r"/webhooks/[0-9]{10,20}/(?P<secret>[A-Za-z0-9_-]{40,}+)"),
    _Secret(
        "telegram-token", (":aa",), r"(?<![A-Za-z0-9])[0-9]{8,10}:(?P<secret>AA[A-Za-z0-9_-]{33}+)(?![A-Za-z0-9_-])"
    ),
    _Secret("sendgrid-key", ("sg.",), _token(r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{30,}+")),
    _Secret("age-key", ("age-secret-key-",), _token(r"AGE-SECRET-KEY-1[A-Z0-9]{50,}+")),
    _Secret("access-token", tuple(_PREFIXES), _token(rf"(?:{'|'.join(_PREFIXES.values())})"), _is_mixed),
    _Secret("npm-token", ("npm_",), _token(r"npm_[A-Za-z0-9]{36,}+")),
    _Secret("pypi-token", ("pypi-",), _token(r"pypi-[A-Za-z0-9_-]{50,}+")),
    _Secret(
        "url-password",
        ("://",),
        r"://[^\s/:@\[\]?#\"'<>]*+:(?P<secret>(?:[^\s\[\]\"'<>:]|:(?!//))++)",
        _is_url_password,
        _before_host,
    ),
    _Secret("url-password", ("://",), r"://(?P<secret>[A-Za-z0-9_-]{20,}+)@", _is_mixed),
    _Secret("huggingface-token", ("hf_",), _token(r"hf_[A-Za-z0-9]{30,}+"), _is_mixed),
    _Secret("groq-key", ("gsk_",), _token(r"gsk_[A-Za-z0-9]{40,}+"), _is_mixed),
    _Secret(
        "curl-password",
        ("-u", "--user"),
        r"\s(?:-u\s{0,2}|--user[ =]\s{0,1})[\"']?[^\s:\"'\[\]]{1,64}+:(?P<secret>[^\s\"'`\[\]]++)",
        _after("curl"),
    ),
    _Secret("password", (" -p",), rf"\s-p{_ARGUMENT}", _after(r"mysql\w*|mariadb\w*|sshpass")),
    _Secret("password", (" -p", " -a"), rf"\s-[pa]\s{{1,2}}{_ARGUMENT}", _after("sshpass|redis-cli|login|http")),
    _Secret(
        "cookie", ("cookie:",), r"(?i:sess|sid|auth)\w{0,20}=(?P<secret>[A-Za-z0-9._~+/%-]{16,}+)", _after("cookie:")
    ),
    _Secret(
        "bearer-token",
        ("bearer", "authorization"),
        r"(?i:\bbearer|\bauthorization[\"']{0,2}\s{0,4}[:=]\s{0,4}[\"']?(?:basic|token|apikey))\s{1,4}(?P<secret>[A-Za-z0-9._~+/=-]{16,}+)",
        _is_mixed,
    ),
    _Secret(
        "password",
        ("passw", "passphrase", "pwd"),
        rf"(?i:password|passwd|passphrase|pwd)"
        rf"(?:{_NAME_END}|(?:\s(?:now|was|is|has been|changed|set|reset)){{0,4}}\s(?:is|was|to):?\s{{1,4}}){_VALUE}",
        _is_password,
    ),
    # An element of XML, the argument of an option, an entry of `.netrc`, or a text in quotes.
    _Secret(
        "password",
        ("passw", "identified by", "--pass"),
        rf"(?i:<password>|--(?:[a-z]{{1,20}}-)?pass(?:word|wd|phrase)?\s{{1,2}}|\blogin\s\S{{1,64}}+\s{{1,4}}password\s{{1,4}}"
        rf"|(?:password|\bidentified by)\s{{1,2}}(?=[\"'])){_VALUE}",
        _is_password,
    ),
    _Secret("password", ("passw",), rf"(?i:password|passwd|passphrase)[ |]{{1,4}}{_VALUE}", _is_random),
    _Secret("password", _FOREIGN, rf"{_NAMES}{_NAMES_END}{_VALUE}", _is_password),
    _Secret("password", ("密", "パスワード", "비밀번호"), rf"{_UNSPACED}(?P<secret>[!-&(-~]++)", _is_password),
    # Alone the word says too little: an environment variable is named so, or it is assigned with `=`.
    _Secret(
        "password",
        ("pass", "_pw"),
        rf"(?i:_(?:pass|pw){_NAME_END}|(?<![A-Za-z0-9])pass\s{{0,4}}=\s{{0,4}}|[\"']pass\\{{0,3}}[\"']\s{{0,4}}:\s{{0,4}}){_VALUE}",
        _is_password,
    ),
    _Secret(
        "secret",
        ("secret", "token", "key"),
        rf"(?i:secret|token|(?:api|access|private|secret|auth|account|signing|encryption)[_-]?key(?:_base)?){_NAME_END}{_VALUE}",
        _is_named_key,
    ),
    # The argument of an option, or a parameter of an address.
    _Secret(
        "secret",
        ("token ", "-key ", "secret ", "sig=", "signature="),
        rf"(?:(?i:--(?:[a-z]{{1,20}}-){{0,2}}(?:token|secret|key)\s{{1,2}})|[?&](?i:sig|x-(?:amz|goog)-signature)=){_VALUE}",
        _is_named_key,
    ),
)


# What several hints hold and most texts do not.
_MARKS = ("_", ":", "-", ".", "=", "pass", "ey", "token", "secret", "")


def _hints_by_mark(hints: Iterable[tuple[str, int]]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Return hints with the place of their secret, under the first mark that they hold."""
    marked: dict[str, list[tuple[str, int]]] = {}
    for hint, place in hints:
        marked.setdefault(next(mark for mark in _MARKS if mark in hint), []).append((hint, place))
    return list(marked.items())


_ALL_HINTS = [(hint, place) for place, secret in enumerate(_SECRETS) for hint in secret.hints]
_HINTS_OF_ANY = _hints_by_mark(_ALL_HINTS)
_HINTS = _hints_by_mark((hint, place) for hint, place in _ALL_HINTS if hint.isascii())
