"""Well-known names of secrets: environment variables and command-line options.

The tables serve `audit`, which reports where secrets with such names are readable, and callers that
must not pass credentials to child processes. is_secret_name() and may_hold_address() look at names
only. The other functions also recognize some kinds of secrets by the format of their values. None
returns the value of a secret.
"""

from __future__ import annotations

import re
from functools import lru_cache

from process_hardening.password_options import SIGNS_OF_PASSWORDS, find_passwords

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable

# Names that a program's or service's documentation calls secret, and that no ending below matches.
SECRET_NAMES = frozenset(
    {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "ANSIBLE_VAULT_PASSWORD_FILE",
        "BORG_PASSCOMMAND",
        "CELERY_RESULT_BACKEND",
        "DOCKER_AUTH_CONFIG",
        "KUBECONFIG",
        "NETRC",
        "RESTIC_PASSWORD_COMMAND",
        "SSHPASS",
    }
)

# Endings of such names, at a word boundary: OPENAI_API_KEY, GITHUB_TOKEN, DB_PASS, API_KEY_2.
# Tables, not regular expressions: compiling those took 1.5 ms of every audit.
# Sources: DENYLIST of detect-secrets' plugins/keyword.py, generic-api-key of gitleaks, the names in
# tests/audit/names/secret.txt.
_SECRET_LAST_WORDS = (
    "AUTH",
    "AUTHTOKEN",
    "ACCESSTOKEN",
    "BEARER",
    "BINDPW",
    "BROKER_URL",
    "CLIENTSECRET",
    "CONNECTION_STRING",
    "COOKIE",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "DATABASE_URI",
    "DATABASE_URL",
    "DB_URI",
    "DB_URL",
    "DSN",
    "JWT",
    "KEY",
    "KEYS",
    "MNEMONIC",
    "PASS",
    "PAT",
    "PSK",
    "PW",
    "PWD",
    "SECRET",
    "SECRETS",
    "SECRET_KEY_BASE",
    "SESSION",
    "TOKEN",
    "TOKENS",
    "WEBHOOK",
    "WEBHOOK_URL",
    "AMQP_URL",
    "CLOUDAMQP_URL",
    *(
        f"{service}_{kind}"
        for service in (
            "MONGO",
            "MONGODB",
            "MYSQL",
            "POSTGRES",
            "POSTGRESQL",
            "RABBITMQ",
            "REDIS",
        )
        for kind in ("URI", "URL")
    ),
)

# Endings that match even within a word: PGPASSWORD, TS_AUTHKEY.
_SECRET_ENDS = ("AUTHKEY", "APIKEY", "PASSPHRASE", "PASSWD", "PASSWORD", "PRIVATEKEY", "SECRETKEY")

# Prefixes, for names that end with a host or an account.
_SECRET_BEGINNINGS = ("AWS_BEARER_TOKEN_", "OP_SESSION_", "TF_TOKEN_")

# Names that match an ending but are not secret.
HARMLESS_NAMES = frozenset(
    {
        "DESKTOP_SESSION",
        "GPG_KEY",  # a key fingerprint, set in the container images of many languages
        "KDE_FULL_SESSION",
        "MAX_TOKEN",
        "MAX_TOKENS",
        "OLDPWD",
        "PWD",
        "SESSION",
        "XDG_ACTIVATION_TOKEN",  # lets a window take the focus once
    }
)
_HARMLESS_ENDINGS = (
    "ASKPASS",
    "BYPASS",
    *(
        f"{kind}_{key}"
        for kind in ("CACHE", "FOREIGN", "HOST", "PRIMARY", "PUB", "PUBLIC", "SORT")
        for key in ("KEY", "KEYS")
    ),
)

# Only options whose value is the secret itself, not the name of a file that contains it.
SECRET_OPTIONS = frozenset(
    {
        "access-key",
        "access-token",
        "api-key",
        "api-token",
        "apikey",
        "auth-token",
        "bearer-token",
        "client-secret",
        "db-password",
        "http-password",
        "oauth2-bearer",
        "pass",
        "passphrase",
        "passwd",
        "password",
        "private-key",
        "private-token",
        "proxy-password",
        "requirepass",
        "secret",
        "secret-access-key",
        "secret-key",
        "token",
    }
)

_ADDRESS_ENDINGS = (
    "ADDR",
    "CONN",
    "DSN",
    "ENDPOINT",
    "PROXY",
    "REMOTE",
    "REPOSITORY",
    "URI",
    "URL",
)

# Put before a name and before each ending, so that an ending matches only at a word boundary.
_BORDER = "_"
_SECRET = (*(_BORDER + word for word in _SECRET_LAST_WORDS), *_SECRET_ENDS)
_HARMLESS = tuple(_BORDER + word for word in _HARMLESS_ENDINGS)
_ADDRESS = tuple(_BORDER + word for word in _ADDRESS_ENDINGS)

_PASSWORD_IN_URL = rb"[a-z][a-z0-9+.-]{1,20}://[^/?#\s:@\0]{0,200}:[^/?#\s:@\0]{1,200}@"

# Kinds of secrets by the format of their values: prefixes that issuers documented so that scanners
# can find them, and the formats of RFC 3986, 6750 and 7519. Each has its signs, in lower case: a
# command line without any of them is not searched for the pattern.
_SHAPES: tuple[tuple[str, tuple[bytes, ...], bytes], ...] = (
    ("an API key (sk-...)", (b"sk-",), rb"(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{16,}"),
    (
        "a GitHub token",
        (b"gho_", b"ghp_", b"ghr_", b"ghs_", b"ghu_", b"github_pat_"),
        rb"(?<![A-Za-z0-9_])(?:gh[opusr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})",
    ),
    ("a GitLab token", (b"glpat-",), rb"(?<![A-Za-z0-9_])glpat-[A-Za-z0-9_-]{16,}"),
    ("a Slack token", (b"xox",), rb"(?<![A-Za-z0-9_])xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    (
        "an AWS access key id",
        (b"akia", b"asia"),
        rb"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    ),
    ("a Google API key", (b"aiza",), rb"(?<![A-Za-z0-9_])AIza[A-Za-z0-9_-]{30,}"),
    ("a Hugging Face token", (b"hf_",), rb"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{20,}"),
    ("an npm token", (b"npm_",), rb"(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{30,}"),
    ("a PyPI token", (b"pypi-",), rb"(?<![A-Za-z0-9_])pypi-AgE[A-Za-z0-9_-]{20,}"),
    (
        "a JSON web token",
        (b".eyj",),
        rb"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.",
    ),
    ("a private key", (b"private key-----",), rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----"),
    ("a password in a URL", (b"://",), _PASSWORD_IN_URL),
    (
        "an Authorization header",
        (b"authorization:",),
        rb"(?i:authorization:\s{0,8}(?:bearer|basic|token)\s{1,8}\S)",
    ),
)

# Turns a command line into words between borders, so that _PAT_ is in GH_PAT=x but not in PATH=x.
_AS_NAMES = bytes(ord(chr(c).upper()) if chr(c).isascii() and chr(c).isalpha() else ord(_BORDER)
                  for c in range(256))  # fmt: skip


def _list_signs() -> tuple[bytes, ...]:
    """Return texts of which each command line with the name of a secret has at least one."""
    whole = (*_SECRET_LAST_WORDS, *SECRET_NAMES, *SECRET_OPTIONS)
    signs = [f"{_BORDER}{name}{_BORDER}" for name in whole]
    signs += [end + _BORDER for end in _SECRET_ENDS]
    signs += [_BORDER + beginning for beginning in _SECRET_BEGINNINGS]
    return tuple({sign.encode().translate(_AS_NAMES) for sign in signs})


_SIGNS_OF_NAMES = _list_signs()
_SIGNS_OF_SHAPES = tuple(sign for _, signs, _ in _SHAPES for sign in signs)

# Compiled on first use, because few command lines may hold secrets.
_OPTION = r"(?s)--?([A-Za-z][A-Za-z0-9_-]{1,60})(=?)(.*)"
_ASSIGNMENT = r"(?s)(?:-e|--env=)?([A-Za-z_][A-Za-z0-9_]{1,100})=(.+)"


def is_secret_name(name: str) -> bool:
    """Return whether an environment variable of this name is known to hold a secret."""
    return name not in HARMLESS_NAMES and _reads_as_secret(name.upper())


@lru_cache(maxsize=4096)  # processes on one machine share most names
def _reads_as_secret(upper: str) -> bool:
    if upper in SECRET_NAMES or upper.startswith(_SECRET_BEGINNINGS):
        return True
    name = _BORDER + upper
    return _drop_number(name).endswith(_SECRET) and not name.endswith(_HARMLESS)


def _drop_number(name: str) -> str:
    """Strip a number of up to three digits from the end of a name: API_KEY_2, TOKEN1."""
    stem = name.rstrip("0123456789")
    return stem.removesuffix("_") if 1 <= len(name) - len(stem) <= 3 else name


@lru_cache(maxsize=4096)
def may_hold_address(name: str) -> bool:
    """Return whether a variable of this name holds a URL, which may contain a password."""
    return (_BORDER + name.upper()).endswith(_ADDRESS)


def has_password(value: bytes) -> bool:
    """Return whether a value contains a URL with a password."""
    return re.search(_PASSWORD_IN_URL, value) is not None


def is_secret_variable(name: str, value: str) -> bool:
    """Return whether a variable has the name of a secret, or its value is a URL with a password."""
    return is_secret_name(name) or (
        may_hold_address(name) and has_password(value.encode("utf-8", "surrogateescape"))
    )


def _named_in(argument: str, following: str) -> str | None:
    """Return the name of the secret whose value is in an argument or in the following one."""
    option = re.fullmatch(_OPTION, argument)
    if option:
        name = option[1].lower().replace("_", "-")
        value = option[3] if option[2] else following
        if name in SECRET_OPTIONS and not (option[3] and not option[2]):
            handed_over = value and (option[2] or not value.startswith("-"))
            return argument[: option.end(1)] if handed_over else None
    assignment = re.fullmatch(_ASSIGNMENT, argument)
    if assignment and is_secret_name(assignment[1]):
        return assignment[1]
    return None


def may_hold_secrets(command: bytes) -> bool:
    """Return whether secret_arguments() has to check a command line, which is rarely the case."""
    names = (b"\0%b\0" % command).replace(b"\0-e", b"\0-e\0").translate(_AS_NAMES)  # -eNAME=VALUE
    for sign in _SIGNS_OF_NAMES:
        if sign in names:
            return True
    if any(sign in command for sign in SIGNS_OF_PASSWORDS):
        return True
    lower = command.lower()
    return any(sign in lower for sign in _SIGNS_OF_SHAPES)


def secret_arguments(arguments: Iterable[bytes]) -> tuple[str, ...]:
    """Return the secrets in a command line: names of options and variables, and kinds of values.

    Never returns values. A word that names a secret is not searched for kinds. Duplicates
    are dropped.
    """
    words = list(arguments)
    if not may_hold_secrets(b"\0".join(words)):
        return ()
    found = {_text(option): None for _, _, option in find_passwords(words) if option}
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else b""
        name = _named_in(_text(word), _text(following[:1]))
        if name:
            found[name] = None
            continue
        for kind, _, pattern in _SHAPES:
            if re.search(pattern, word):
                found[kind] = None
    return tuple(found)


HIDDEN = "***"
"""What hide_arguments() puts in place of a secret."""

# A word, or the value in NAME=VALUE, that nobody would type: long, with at least three digits, and
# not like a path, host or address. The keys of most services look like this.
_RANDOM_LENGTH = 20
_RANDOM = rb"(?<![^\0=:,\s'\"])[A-Za-z0-9_+~-]{%d,}={0,2}(?=[\0,\s'\";]|$)" % _RANDOM_LENGTH
# Turns characters that cannot occur in such a word into blanks, for a fast check before the
# expression.
_WORDS = bytes(c if bytes([c]).isalnum() or c in b"_+~-" else 32 for c in range(256))
# curl -u USER:PASSWORD, curl -sSu USER:PASSWORD, git clone https://TOKEN@HOST
_USER_PASSWORD = rb"(?<=\0)((?:-[a-zA-Z#0-9]{0,8}[uU]|--user|--proxy-user)[\0=]?[^\0:=]+:)[^\0]+"
_USER_IN_URL = rb"(https?://)[^/?#\s:@\0]{1,200}(?=@)"


# Inside a longer word, such as a script or JSON: NAME=VALUE, "name": "VALUE"; --name VALUE.
# Only the start of a name is searched: a hostile process can have a name of 128 KiB.
# Compiled on first use, which costs 4 ms: few command lines may hold secrets.
_PAIR = rb"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]+)((?:\\?[\"'])?\s*[=:]\s*(?:\\?[\"'])?)([^\s\0\"';&|]+)"
_OPTION_IN_SCRIPT = rb"(?<=[\s-]-)([A-Za-z][A-Za-z0-9_-]{1,60})(\s+)([^\s\0\"';&|]+)"


def hide_arguments(command: bytes, is_suspect: bool = True) -> bytes:
    """Replace whatever looks like a secret in a command line (/proc/PID/cmdline) with HIDDEN.

    is_suspect -- the result of may_hold_secrets()

    Errs on the side of hiding too much, because the result may be shown, stored and sent.
    """
    hidden = HIDDEN.encode()
    if is_suspect or b"\0-p" in command:
        words = command.split(b"\0")
        for index, start, _ in find_passwords(words):
            words[index] = words[index][:start] + hidden
        command = b"\0".join(words)
    if is_suspect:
        words = command.split(b"\0")
        command = b"\0".join(_hide_in(words, index) for index in range(len(words)))
        command = re.sub(_PAIR, _hide_pair, command)
        command = re.sub(_OPTION_IN_SCRIPT, _hide_pair, command)
    if b":" in command and b"\0-" in command:
        command = re.sub(_USER_PASSWORD, rb"\1" + hidden, command)
    if b"@" in command and b"://" in command:
        command = re.sub(_USER_IN_URL, rb"\1" + hidden, command)
    if max(map(len, command.translate(_WORDS).split()), default=0) >= _RANDOM_LENGTH:
        command = re.sub(_RANDOM, _hide_random, command)
    return command


def _hide_pair(match: re.Match[bytes]) -> bytes:
    name, between = _text(match[1]).lstrip("-0123456789"), match[2]
    is_option = name.lower().replace("_", "-") in SECRET_OPTIONS
    is_variable = not between.isspace() and is_secret_name(name.replace("-", "_"))
    return match[1] + between + HIDDEN.encode() if is_option or is_variable else match[0]


def _hide_random(match: re.Match[bytes]) -> bytes:
    word = match[0]
    has_digits = len(re.findall(rb"[0-9]", word)) >= 3
    return HIDDEN.encode() if has_digits and re.search(rb"[A-Za-z]", word) else word


def _hide_in(words: list[bytes], index: int) -> bytes:
    """Hide the secret in an argument, or the whole argument if it follows a secret option."""
    word = words[index]
    following = words[index + 1] if index + 1 < len(words) else b""
    name = _named_in(_text(word), _text(following[:1]))
    if name and b"=" in word:
        return word.partition(b"=")[0] + b"=" + HIDDEN.encode()
    before = words[index - 1] if index else b""
    if word and before and b"=" not in before and _named_in(_text(before), _text(word[:1])):
        return HIDDEN.encode()
    if any(re.search(pattern, word) for _, _, pattern in _SHAPES):
        return HIDDEN.encode()
    return word


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
