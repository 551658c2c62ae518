"""The well-known names of secrets: what is one, and what only looks like it."""

from __future__ import annotations

import pytest

from process_hardening.secret_names import is_secret_name, secret_arguments


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


def test_names_can_be_added_and_excepted() -> None:
    """For whoever knows better."""
    assert is_secret_name("MY_OWN", also={"MY_OWN"})
    assert not is_secret_name("GITHUB_TOKEN", never={"GITHUB_TOKEN"})


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
