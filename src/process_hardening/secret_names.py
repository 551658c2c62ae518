"""Well-known names of secrets: environment variables and command-line options.

One table for `audit`, which says where such a name stands open, and for whoever must keep
credentials from child processes. It knows names, never values; the one exception,
secret_arguments(), looks at the shape of a value and tells its kind.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# What the documentation of a program or service calls a secret, and no ending below catches.
SECRET_NAMES = frozenset(
    {
        "ANSIBLE_VAULT_PASSWORD_FILE",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AZURE_CLIENT_SECRET",
        "AZURE_STORAGE_KEY",
        "BORG_PASSCOMMAND",
        "CONSUL_HTTP_AUTH",
        "DATABASE_URL",
        "DOCKER_AUTH_CONFIG",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "KUBECONFIG",
        "LDAP_BINDPW",
        "MONGODB_URI",
        "MONGO_URL",
        "MYSQL_PWD",
        "NETRC",
        "PGPASSWORD",
        "REDISCLI_AUTH",
        "REDIS_URL",
        "RESTIC_PASSWORD_COMMAND",
        "RSYNC_PASSWORD",
        "SLACK_WEBHOOK_URL",
        "SSHPASS",
    }
)

# What such names end with, on a word's border: OPENAI_API_KEY, GITHUB_TOKEN, DB_PASSWORD.
SECRET_ENDINGS = (
    "ACCESS_KEY",
    "ACCESS_TOKEN",
    "ACCOUNT_KEY",
    "APIKEY",
    "API_KEY",
    "API_KEYS",
    "API_SECRET",
    "APPLICATION_KEY",
    "AUTH_KEY",
    "AUTH_TOKEN",
    "BEARER",
    "CLIENT_SECRET",
    "CONNECTION_STRING",
    "CREDENTIAL",
    "CREDENTIALS",
    "DSN",
    "ENCRYPTION_KEY",
    "JWT",
    "LICENSE_KEY",
    "MASTER_KEY",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PRIVATE_KEY",
    "SECRET",
    "SECRETS",
    "SECRET_KEY",
    "SECRET_KEY_BASE",
    "SERVICE_ROLE_KEY",
    "SIGNING_KEY",
    "TOKEN",
    "TOKENS",
    "WEBHOOK_SECRET",
)

# Names that an ending catches and that are no secret.
HARMLESS_NAMES = frozenset(
    {
        "MAX_TOKEN",
        "MAX_TOKENS",
        "SSH_ASKPASS",
        "TOKENIZERS_PARALLELISM",
        "XDG_ACTIVATION_TOKEN",  # lets a window take the focus, once
    }
)

# Only those whose value is the secret itself, not the name of a file that holds it.
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

_ENDINGS = tuple(f"_{ending}" for ending in SECRET_ENDINGS)

# Kind of a secret by the shape of its value: prefixes that their issuers documented so that
# scanners can find them, and what RFC 3986, 6750 and 7519 say.
_SHAPES: tuple[tuple[str, bytes], ...] = (
    ("an API key (sk-...)", rb"(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{16,}"),
    ("a GitHub token", rb"(?<![A-Za-z0-9_])(?:gh[opusr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"),
    ("a GitLab token", rb"(?<![A-Za-z0-9_])glpat-[A-Za-z0-9_-]{16,}"),
    ("a Slack token", rb"(?<![A-Za-z0-9_])xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("an AWS access key id", rb"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("a Google API key", rb"(?<![A-Za-z0-9_])AIza[A-Za-z0-9_-]{30,}"),
    ("a Hugging Face token", rb"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{20,}"),
    ("an npm token", rb"(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{30,}"),
    ("a PyPI token", rb"(?<![A-Za-z0-9_])pypi-AgE[A-Za-z0-9_-]{20,}"),
    ("a JSON web token", rb"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\."),
    ("a private key", rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----"),
    ("a password in a URL", rb"[a-z][a-z0-9+.-]{1,20}://[^/?#\s:@\0]{0,200}:[^/?#\s:@\0]{1,200}@"),
    ("an Authorization header", rb"(?i:authorization:\s{0,8}(?:bearer|basic|token)\s{1,8}\S)"),
)

# Everything that may stand in a command line with a secret: one pass decides for nearly all.
_SUSPECT = re.compile(
    rb"(?i:pass|pwd|secret|token|key|credential|auth|bearer|jwt|dsn|netrc)"
    rb"|sk-|gh[opusr]_|github_pat_|glpat-|xox[abeoprs]-|AKIA|ASIA|AIza|hf_|npm_|pypi-|eyJ|://"
    rb"|_U[RI][LI]=|CONNECTION_STRING="
)
# Compiled on first use: few command lines get that far.
_OPTION = r"(?s)--?([A-Za-z][A-Za-z0-9_-]{1,60})(=?)(.*)"
_ASSIGNMENT = r"(?s)(?:-e|--env=)?([A-Za-z_][A-Za-z0-9_]{1,100})=(.+)"


def is_secret_name(
    name: str, *, also: Collection[str] = (), never: Collection[str] = HARMLESS_NAMES
) -> bool:
    """Whether an environment variable of that name holds a secret, by all that is known.

    also -- more names that do; never -- names that do not, whatever they look like
    """
    if name in also:
        return True
    if name in never:
        return False
    upper = name.upper()
    return upper in SECRET_NAMES or f"_{upper}".endswith(_ENDINGS)


def _named_in(argument: str, following: str) -> str | None:
    """The name of the secret that an argument hands over, with its value or before it."""
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
    """Whether secret_arguments() has to look at a command line: for nearly all it has not."""
    return _SUSPECT.search(command) is not None


def secret_arguments(arguments: Iterable[bytes]) -> tuple[str, ...]:
    """What secrets a command line holds: names of options and variables, kinds of values.

    Never the values. What is told stands for one place in the command line each, without repeats.
    """
    words = list(arguments)
    if not may_hold_secrets(b"\0".join(words)):
        return ()
    found: dict[str, None] = {}
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else b""
        name = _named_in(_text(word), _text(following[:1]))
        if name:
            found[name] = None
            continue
        for kind, pattern in _SHAPES:
            if re.search(pattern, word):
                found[kind] = None
    return tuple(found)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
