"""What must hold when secrets are taken out of a text."""

import string
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_router.text.redaction import redact

# Assembled from parts, so that no scanner takes this file for a leak.
ALNUM = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zAbCdEfGhIjKlMnOp0"
BASE64_LINES = "\n".join([ALNUM + "+/Xy"] * 3)
JWT = f"eyJ{ALNUM[:17]}.eyJ{ALNUM[:30]}.{ALNUM[:43]}"

SECRETS = {
    "AKIA" + "IOSFODNN7EXAMPLE": "aws-access-key",
    "ghp_" + ALNUM[:36]: "github-token",
    "github_pat_" + ALNUM[:22] + "_" + ALNUM + ALNUM[:11]: "github-token",
    "glpat-" + ALNUM[:20]: "gitlab-token",
    "sk-" + ALNUM[:48]: "openai-key",
    "sk-proj-" + ALNUM[:20] + "-" + ALNUM[:20] + "_" + ALNUM[:20]: "openai-key",
    "sk-ant-api03-" + ALNUM + "-" + ALNUM[:30] + "AA": "anthropic-key",
    "sk_live_" + ALNUM[:24]: "stripe-key",
    "rk_test_" + ALNUM[:24]: "stripe-key",
    "whsec_" + ALNUM[:32]: "stripe-key",
    "AIza" + ALNUM[:35]: "google-key",
    "GOCSPX-" + ALNUM[:28]: "google-key",
    "xoxb-" + "123456789012-123456789012-" + ALNUM[:24]: "slack-token",
    "npm_" + ALNUM[:36]: "npm-token",
    "pypi-" + "AgEIcHlwaS5vcmc" + ALNUM * 2: "pypi-token",
    JWT: "jwt",
    "hf_" + ALNUM[:34]: "huggingface-token",
    "gsk_" + ALNUM[:48] + "ab3": "groq-key",
    "SG." + ALNUM[:22] + "." + ALNUM[:43]: "sendgrid-key",
    "dop_v1_" + "a1b2c3d4" * 8: "access-token",
    "shpat_" + "a1b2c3d4" * 4: "access-token",
    "dapi" + "a1b2c3d4" * 4: "access-token",
    "hvs." + ALNUM: "access-token",
    "r8_" + ALNUM[:37]: "access-token",
    "nvapi-" + ALNUM + ALNUM[:16]: "access-token",
    "glsa_" + ALNUM[:32] + "_1a2b3c4d": "access-token",
    "AGE-SECRET-KEY-1" + "QPZRY9X8" * 7: "age-key",
}
# The text, what must be gone, what must still be there.
ASSIGNED = [
    ("machine api.example.com login deploy password k9xm2pqr7", "k9xm2pqr7", "login deploy password"),
    ("psql --password k9Xm2PqR7 -h db", "k9Xm2PqR7", "-h db"),
    ("deploy --api-token a1B2c3D4e5F6g7H8 now", "a1B2c3D4e5F6g7H8", "now"),
    ("ALTER USER app WITH PASSWORD 'k9Xm2PqR7';", "k9Xm2PqR7", "ALTER USER app"),
    ("CREATE USER a IDENTIFIED BY 'k9Xm2PqR7'", "k9Xm2PqR7", "IDENTIFIED BY"),
    ("mysql -u root -pk9Xm2PqR7 shop", "k9Xm2PqR7", " shop"),
    ("sshpass -p 'k9Xm2PqR7' ssh box", "k9Xm2PqR7", "ssh box"),
    ("docker login -u me -p k9Xm2PqR7 reg.example.com", "k9Xm2PqR7", "reg.example.com"),
    ("redis-cli -h x -a k9Xm2PqR7 ping", "k9Xm2PqR7", "ping"),
    ("<password>k9Xm2PqR7</password>", "k9Xm2PqR7", "</password>"),
    ("das Passwort lautet k9Xm2PqR7", "k9Xm2PqR7", "lautet"),
    ("mot de passe : k9Xm2PqR7", "k9Xm2PqR7", "mot de passe"),
    ("la contraseña es k9Xm2PqR7", "k9Xm2PqR7", "contraseña es"),
    ("пароль: k9Xm2PqR7", "k9Xm2PqR7", "пароль"),
    ("密码是k9Xm2PqR7。", "k9Xm2PqR7", "密码是"),
    ("パスワードはk9Xm2PqR7です", "k9Xm2PqR7", "です"),
    ("password\uff1ak9Xm2PqR7", "k9Xm2PqR7", "password"),
    ("**Password:** k9Xm2PqR7", "k9Xm2PqR7", "**Password:**"),
    ("| password | k9Xm2PqR7 |", "k9Xm2PqR7", "| password |"),
    ("the wifi password k9Xm2PqR7, as ever", "k9Xm2PqR7", "as ever"),
    ("the password was changed to k9Xm2PqR7", "k9Xm2PqR7", "changed to"),
    ('{"pass": "k9Xm2PqR7"}', "k9Xm2PqR7", '{"pass": "'),
    ("DB_PW=k9Xm2PqR7", "k9Xm2PqR7", "DB_PW="),
    ("Authorization: token a1b2c3d4e5f6a7b8c9d0", "a1b2c3d4e5f6a7b8c9d0", "Authorization: token"),
    ("Set-Cookie: sessionid=a1B2c3D4e5F6g7H8i9J0; HttpOnly", "a1B2c3D4e5F6g7H8i9J0", "HttpOnly"),
    ("https://h.example.com/c?sv=2022&sig=a1B2c3D4e5F6g7H8i9J0%3D", "a1B2c3D4e5F6g7H8i9J0", "sv=2022"),
    ("https://discord.com/api/webhooks/1234567890123/" + ALNUM, ALNUM, "1234567890123"),
    ("bot 110201543:AA" + ALNUM[:33], ALNUM[:33], "110201543"),
    ("password=hunter2", "hunter2", "password="),
    ("The DB_PASSWORD: 'S3cr(et)!x' is set.", "S3cr(et)!x", "' is set."),
    ('{"password": "tr0ub4dor&3"}', "tr0ub4dor&3", '{"password": "'),
    ("The staging password is Tr0ub4dor, ask Ines.", "Tr0ub4dor", ", ask Ines."),
    ("passphrase := p@sswordish", "p@sswordish", "passphrase := "),
    ("api_key: abcd1234efgh5678", "abcd1234efgh5678", "api_key: "),
    ("X-Api-Key: 0123456789abcdef0123", "0123456789abcdef0123", "X-Api-Key: "),
    ("aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEX", "wJalrXUtnFEMI", "aws_secret_access_key = "),
    ("client_secret=" + ALNUM[:24] + ", then restart", ALNUM[:24], ", then restart"),
    ("curl -H 'Authorization: Bearer " + ALNUM[:30] + "'", ALNUM[:30], "curl -H 'Authorization: Bearer "),
    ("Authorization: Basic dXNlcjpwYXNzd29yZDE=", "dXNlcjpwYXNz", "Authorization: Basic "),
    ("use postgres://bob:s3cr3t@db.example.com:5432/app now", "s3cr3t", "@db.example.com:5432/app now"),
    ("redis://:pa55word@cache:6379", "pa55word", "redis://:"),
    ("use postgres://app:ab@9Word77x@db.internal:5432/prod", "ab@9Word77x", "@db.internal:5432/prod"),
    ("use postgres://app:ab/9Word77x@db.internal:5432/prod", "ab/9Word77x", "@db.internal:5432/prod"),
    ("postgres://app:x@of/a9Word77x@db.internal/prod", "a9Word77x", "@db.internal/prod"),
    ("mysql://app:ab#9Word77x@db/prod?to=a@example.com", "ab#9Word77x", "@db/prod?to=a@example.com"),
    ("git clone https://" + ALNUM[:32] + "@git.example.com/a.git", ALNUM[:32], "@git.example.com/a.git"),
    ("export DB_PASS=S3cretPw9x", "S3cretPw9x", "export DB_PASS="),
    ("curl -u admin:S3cretPw9x https://api.example.com", "S3cretPw9x", "curl -u admin:"),
    ("curl -s --user 'admin:S3cretPw9x' https://api.example.com", "S3cretPw9x", "' https://api.example.com"),
    (r'curl -d "{\"password\":\"S3cretPw9x\"}" https://x', "S3cretPw9x", r'\"}" https://x'),
    (r'{"body": "{\\"api_key\\": \\"abcd1234efgh5678\\"}"}', "abcd1234efgh5678", r'\\"}"}'),
    (
        "https://hooks.slack.com/services/T00000000/B00000000/" + ALNUM[:24],
        ALNUM[:24],
        "https://hooks.slack.com/services/",
    ),
    (f"-----BEGIN RSA PRIVATE KEY-----\n{BASE64_LINES}\n-----END RSA PRIVATE KEY-----\nbye", ALNUM, "-----\nbye"),
    (f"-----BEGIN PRIVATE KEY-----\\n{ALNUM}\\n-----END PRIVATE KEY-----", ALNUM, "-----END PRIVATE KEY-----"),
    (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BASE64_LINES}\nand so on", ALNUM, "\nand so on"),
]
HARMLESS = [
    *(
        "the password policy requires 12 chars",
        "mysql -p shop2024",
        "docker run -p 8080:80 nginx",
        "mkdir -p src2/app3",
    ),
    *("password 1Password", "login page2 password form3", "with password authentication", "password argon2id is slow"),
    *("Passwort vergessen? 2FA hilft", "密码长度至少8位", "contraseña debe tener 8 caracteres", "пароль из 8 символов"),
    *("--password-file /run/secrets/db1", "--token-limit 4096", "session=s-2026-06-01-a1b2c3d4", "see SG.pdf"),
    *("https://maps.example.com/v1?key=summer_2026_tour", "curl -p file2024a -a x", "cookie: consent=accepted2026"),
    "commit 3f2a9c1e5b7d8f60a1b2c3d4e5f60718293a4b5c fixed it",
    "sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "request 123e4567-e89b-12d3-a456-426614174000 failed",
    "The password policy asks for 12 characters; see docs/password-policy.md.",
    "password: remember to rotate it",
    "password: see https://wiki.example.com/page2",
    "password=$DB_PASSWORD1 and password=${DB_PASSWORD2} and password={{ password3 }}",
    'password = os.environ["DB_PASSWORD1"]',
    "password = get_password1(user2)",
    "next_token = stacks_resp1[-1].stack_id9",
    "the pattern is :secret:[a-zA-Z0-9/_+=.@-]+$",
    "secret: arn:aws:secretsmanager:us-west-2:123456789123:secret:proxysecret1-Abcd1e",
    "password = settings.db.password1",
    "Password: <your-password-1>",
    "password=********",
    "password hashing: argon2id, then password: sha256-hashed",
    "The password is required; the password is SHA256-hashed; the password is 90days old; password: 12chars",
    "password: str | None = None, token: int64 = 0",
    "secret: base64-encoded",
    "token = next(tokens)",
    "token: user_session_token_2",
    "api_key: YOUR_API_KEY",
    "tokens per second: 4096, max_tokens=128000",
    "from sk_learn import x; sk-learn-style-estimators-in-pipelines",
    "the sk-internationalization-2-compatibility-layer branch",
    "image0001-eyJhbGci.png and data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUA",
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4",
    "bearer of bad news; Bearer authentication-scheme-description",
    "http://localhost:8080/path@2 and http://[::1]:8080/ and ssh://git@example.com:22/x",
    "postgres://user:$PASSWORD@db/app or postgres://user:<password>@db/app",
    "A key starts with `-----BEGIN PRIVATE KEY-----` and ends with `-----END PRIVATE KEY-----`.",
    "-----BEGIN PUBLIC KEY-----\n" + ALNUM + "\n-----END PUBLIC KEY-----",
    "AKIA is the prefix; ghp_ and xoxb- and sk_live_ are prefixes too",
    "def tokenize(text): ...  # primary_key: order_id_12",
    "Ask the port authority about the keys: tomorrow 9:30.",
    "[redacted:password] was here",
    "docker run -u 1000:1000 image && sort -u names:sorted2 && git push -u origin feature:main2",
    "http://localhost:8080/users/bob@example.com and https://host:443?mail=a@b.com",
    "bypass=level2 passes: 3of4 pass: build2021 compass = north42",
    "hf_hub_download and hf_transformers_pipeline_of_the_newest_kind; gsk_ is a prefix",
    "https://very-long-organisation-name-here@dev.example.com/project",
    "see https://example.com/a:b@c and mailto:someone@example.com",
    "",
    "naïve café, 東京, \x00 \ud800",
]
FRAGMENTS = [
    *SECRETS,
    *(text for text, _, _ in ASSIGNED),
    *(
        "password",
        "api_key",
        "token",
        "bearer ",
        "Basic ",
        "authorization",
        "://",
        "user",
        "eyJ",
        "sk-",
        "AKIA",
        "xoxb-",
    ),
    *("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "[redacted:password]", "[redacted:", "]", "["),
    *("=", ":", " = ", '"', "'", "`", "@", "-", "_", ".", "!", "(", "{", "\n", " ", "\\n", "/", "hunter2", ALNUM, "a1"),
]
hostile = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=5)), max_size=12).map("".join)


@pytest.mark.parametrize(("secret", "kind"), SECRETS.items(), ids=lambda value: value[:12])
@pytest.mark.parametrize("frame", ["{}", "the key {}.", 'x="{}"', "({})", "a: {}\nb", "key={},next"])
def test_a_token_of_a_known_format_is_replaced_wherever_it_stands(secret: str, kind: str, frame: str) -> None:
    """A token is found by its format in any surroundings, which stay as they are."""
    assert redact(frame.format(secret)) == (frame.format(f"[redacted:{kind}]"), (kind,))


@pytest.mark.parametrize(("text", "secret", "kept"), ASSIGNED)
def test_only_the_secret_part_goes(text: str, secret: str, kept: str) -> None:
    """Of an assignment, an address or a key block the value goes and everything around it stays."""
    redacted, kinds = redact(text)
    assert secret not in redacted
    assert kept in redacted
    assert f"[redacted:{kinds[0]}]" in redacted


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    """Hashes, identifiers, templates, algorithms and prose come back unchanged, with no kind."""
    assert redact(text) == (text, ())


def test_every_kind_is_reported_once_in_order() -> None:
    """A text with several secrets names each kind once, alphabetically."""
    text = f"password=hunter2 {JWT} password=hunter3 postgres://a:b1c2d3@h/"
    assert redact(text).kinds == ("jwt", "password", "url-password")


@settings(max_examples=400)
@given(hostile)
def test_a_second_pass_changes_nothing(text: str) -> None:
    """redact(redact(x)) == redact(x) for any composition of secrets, halves of secrets and marks."""
    once = redact(text).text
    assert redact(once) == (once, ())


@pytest.mark.parametrize("unit", ["redis-cli -a k9Xm2PqR7 ping", f"redis-cli -a k9Xm2PqR7 pingX-Api-Key: {'a1' * 40}"])
def test_a_command_counts_as_far_as_its_line_reaches(unit: str) -> None:
    """The arguments of a command are found wherever they stand in its line, so that a second pass finds no more."""
    once = redact(unit * 40).text
    assert "k9Xm2PqR7" not in once
    assert redact(once).text == once
    assert redact(f"{unit}\n -a k9Xm2PqR7").text.endswith("k9Xm2PqR7")


@given(hostile, st.sampled_from(sorted(SECRETS)), hostile)
def test_no_surroundings_hide_a_token(before: str, token: str, after: str) -> None:
    """A token between spaces is gone, whatever stands around it."""
    assert f" {token} " not in redact(f"{before} {token} {after}").text


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=3).map("".join), st.sampled_from(FRAGMENTS))
def test_a_megabyte_built_to_hurt_ends(unit: str, tail: str) -> None:
    """A megabyte of one repeated fragment is worked through (a pattern that backtracks would hit the time limit)."""
    text = unit * (1_000_000 // len(unit)) + tail
    assert redact(redact(text).text).kinds == ()


@given(st.text(alphabet=string.ascii_letters + string.punctuation + " \n", max_size=200))
def test_no_kind_means_no_change(text: str) -> None:
    """The text is changed exactly when a kind is reported."""
    redacted, kinds = redact(text)
    assert (redacted == text) == (not kinds)


def test_importing_compiles_no_pattern_and_needs_re_alone() -> None:
    """The ask path pays for redaction only when it redacts."""
    code = (
        "import sys, re, typing, functools, collections.abc, contextlib, warnings\n"
        "before = set(sys.modules); calls = []; real = re.compile\n"
        "re.compile = lambda *a: calls.append(a) or real(*a)\n"
        "import memory_router.text.redaction as r\n"
        "new = {m for m in set(sys.modules) - before if not m.startswith('memory_router')}\n"
        "assert not calls and not new, (calls, new)\n"
        "r.redact('password=hunter2'); assert calls"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
