"""The well-known names of secrets: what is one, and what only looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from process_hardening.secret_names import (
    hide_arguments,
    is_secret_name,
    is_secret_variable,
    secret_arguments,
)


@pytest.mark.parametrize(
    "name",
    ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GITHUB_TOKEN", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY",
     "AWS_SESSION_TOKEN", "DB_PASSWORD", "PGPASSWORD", "MYSQL_PWD", "DJANGO_SECRET_KEY",
     "DATABASE_URL", "SENTRY_DSN", "AZURE_CLIENT_SECRET", "API_KEY", "TOKEN", "SECRET",
     "GOOGLE_APPLICATION_CREDENTIALS", "npm_config_token", "Stripe_Secret_Key"],
)  # fmt: skip
def test_secrets(name: str) -> None:
    """By name or by ending, in any case."""
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["PATH", "PWD", "OLDPWD", "HOME", "MONKEY", "KEYBOARD", "SSH_AUTH_SOCK", "GPG_KEY",
     "TOKENIZERS_PARALLELISM", "XDG_ACTIVATION_TOKEN", "AWS_ACCESS_KEY_ID", "SECRETARY",
     "PASSWORD_STORE_DIR", "DBUS_SESSION_BUS_ADDRESS", "", "=", "\udcff"],
)  # fmt: skip
def test_what_is_none(name: str) -> None:
    """Words that only begin or end alike."""
    assert not is_secret_name(name)


NAMES = Path(__file__).with_name("names")


def read_names(file: str) -> list[str]:
    """The names of a list; lines that begin with # name their sources."""
    lines = (NAMES / file).read_text().splitlines()
    return [name for line in lines if not line.startswith("#") for name in line.split()]


def test_real_names_of_secrets() -> None:
    """What services and tools call their credentials: all are known."""
    names = read_names("secret.txt")
    assert len(set(names)) >= 150
    assert [name for name in names if not is_secret_name(name)] == []


def test_real_names_of_everything_else() -> None:
    """What shells, desktops, build tools and CI systems set: at most one in fifty is mistaken."""
    names = sorted(set(read_names("ordinary.txt")))
    assert len(names) >= 500
    assert len([name for name in names if is_secret_name(name)]) <= len(names) // 50


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("https://user:word@host/x", True),
        ("postgres://:word@host", True),
        ("https://host:8080/x", False),
        ("https://user@host/x", False),
        ("", False),
    ],
)
def test_an_address_with_a_password(value: str, secret: bool) -> None:
    """Any *_URL, *_URI or proxy; a name that says nothing of an address is not looked into."""
    assert is_secret_variable("UPSTREAM_URI", value) is secret
    assert is_secret_variable("https_proxy", value) is secret
    assert not is_secret_variable("COMMENT", value)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("p --password x", ["--password"]),
        ("p --password=x", ["--password"]),
        ("p -token x", ["-token"]),
        ("p --API_KEY x", ["--API_KEY"]),
        ("p --password", []),
        ("p --password=", []),
        ("p --password --next", []),
        ("p --password-file /x", []),
        ("p --tokenizer x", []),
        ("env OPENAI_API_KEY=x p", ["OPENAI_API_KEY"]),
        ("docker run -eDB_PASSWORD=x", ["DB_PASSWORD"]),
        ("docker run --env=DB_PASSWORD=x", ["DB_PASSWORD"]),
        ("env GH_PAT=x p", ["GH_PAT"]),
        ("env LANG=C p", []),
        ("git clone https://user:pass@example.org/x", ["a password in a URL"]),
        ("git clone https://user@example.org/x", []),
        ("git clone https://example.org:8080/x", []),
        ("p sk-proj-aaaaaaaaaaaaaaaaaaaaaaaa", ["an API key (sk-...)"]),
        ("p task-aaaaaaaaaaaaaaaaaaaaaaaaaaa", []),
        ("p ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ["a GitHub token"]),
        ("p AKIAABCDEFGHIJKLMNOP", ["an AWS access key id"]),
        ("p --password x --password y", ["--password"]),
        ("", []),
    ],
)
def test_arguments(words: str, names: list[str]) -> None:
    """Told by name or kind, never by value."""
    assert list(secret_arguments(word.encode() for word in words.split())) == names


def test_arguments_that_are_not_text() -> None:
    """Any bytes; a header with a space in it."""
    header = [b"curl", b"-H", b"Authorization: Bearer x", b"\xff\xfe=\x00"]
    assert secret_arguments(header) == ("an Authorization header",)
    assert secret_arguments([b"a" * 5_000_000]) == ()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("mysql -p12 -uroot", "mysql -p*** -uroot"),
        ("/usr/bin/mariadb-dump -u root -pSHORT", "/usr/bin/mariadb-dump -u root -p***"),
        ("sudo mysql -pA -pB", "sudo mysql -p*** -p***"),
        ("sshpass -pSHORT ssh host", "sshpass -p*** ssh host"),
        ("mysql -p base", "mysql -p base"),
        ("mkdir -pv folder", "mkdir -pv folder"),
        ("myname=mysql -pv", "myname=mysql -pv"),
    ],
)
def test_a_short_password_after_its_program(words: str, shown: str) -> None:
    """Wherever the program stands; -p alone asks for the password."""
    assert hide_arguments(words.replace(" ", "\0").encode()).decode().replace("\0", " ") == shown


@pytest.mark.parametrize(
    "name", ["A_TOKEN", "1_A_TOKEN", "--token", "-x_TOKEN", f"{'x' * 300}_TOKEN"]
)
def test_a_value_in_a_script_is_hidden(name: str) -> None:
    """Whatever is in front of the name, and however long it is."""
    assert hide_arguments(f"sh\0-c\0run {name}=abc".encode()).decode().endswith(f"{name}=***")
