"""The well-known names of secrets: what is one, and what only looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from process_hardening import secret_names
from process_hardening.secret_names import (
    HIDDEN,
    SECRET_NAMES,
    SECRET_OPTIONS,
    hide_arguments,
    is_secret_name,
    is_secret_variable,
    may_hold_secrets,
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
        ("sshpass -p x ssh -p 22 h", ["-p"]),
        ("sshpass -e ssh -p 22 h", []),
        ("docker login -p x", ["-p"]),
        ("docker run -p 80:80 x", []),
        ("/usr/bin/redis-cli -a x", ["-a"]),
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


SAMPLES = {
    "an API key (sk-...)": ["sk-proj-" + "a" * 20],
    "a GitHub token": [
        f"{start}_{'a' * 22}" for start in (*["gho", "ghp", "ghr", "ghs", "ghu"], "github_pat")
    ],
    "a GitLab token": ["glpat-" + "a" * 20],
    "a Slack token": [f"xox{letter}-0123456789" for letter in "abeoprs"],
    "an AWS access key id": ["AKIAABCDEFGHIJKLMNOP", "ASIAABCDEFGHIJKLMNOP"],
    "a Google API key": ["AIza" + "a" * 35],
    "a Hugging Face token": ["hf_" + "a" * 30],
    "an npm token": ["npm_" + "a" * 36],
    "a PyPI token": ["pypi-AgE" + "a" * 30],
    "a JSON web token": ["eyJhbGciOiJI.eyJzdWIiOiIx.c2ln"],
    "a private key": ["-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----"],
    "a password in a URL": ["amqp://me:hunter2@host"],
    "an Authorization header": ["Authorization: Bearer x", "authorization:token x"],
}


def test_every_kind_of_value_is_found_in_arguments_and_hidden() -> None:
    assert set(SAMPLES) == {kind for kind, _, _ in secret_names._SHAPES}
    for kind, values in SAMPLES.items():
        for value in values:
            assert secret_arguments([b"p", value.encode()]) == (kind,), value
            assert hide_arguments(b"p\0" + value.encode()) == b"p\0***", value


NAMES_OF_SECRETS = sorted(
    {
        *(name for name in read_names("secret.txt") if is_secret_name(name)),
        *SECRET_NAMES,
        *secret_names._SECRET_LAST_WORDS,
        *(f"MY{end}" for end in secret_names._SECRET_ENDS),
        *(f"{beginning}X" for beginning in secret_names._SECRET_BEGINNINGS),
    }
    - secret_names.HARMLESS_NAMES
)


def numbered(name: str) -> list[str]:
    """The name, and with a number; the names that are known whole have none."""
    return [name, *(other for other in (f"{name}_2", f"{name}2") if is_secret_name(other))]


@pytest.mark.parametrize("name", NAMES_OF_SECRETS)
def test_the_value_of_every_secret_name_is_found_in_arguments_and_hidden(name: str) -> None:
    """Also with a number. Findings are only for NAME=VALUE, as many options name a file."""
    for variable in numbered(name):
        for before in ("", "-e", "--env="):
            word = f"{before}{variable}=hunter2"
            assert hide_command("p", word) == f"p {word.partition('=')[0]}={HIDDEN}"
            assert secret_arguments([b"p", word.encode()]) == (variable,)
        for option in (variable, variable.lower(), variable.lower().replace("_", "-")):
            assert hide_command("p", f"--{option}=hunter2") == f"p --{option}={HIDDEN}"


@pytest.mark.parametrize("option", sorted(SECRET_OPTIONS))
def test_the_value_of_every_secret_option_is_found_in_arguments_and_hidden(option: str) -> None:
    for name in (f"--{option}", f"-{option}", f"--{option.upper().replace('-', '_')}"):
        assert secret_arguments([b"p", name.encode(), b"hunter2"]) == (name,)
        assert secret_arguments([b"p", f"{name}=hunter2".encode()]) == (name,)
        assert hide_command("p", name, "hunter2") == f"p {name} {HIDDEN}"
        assert hide_command("p", f"{name}=hunter2") == f"p {name}={HIDDEN}"


def hide_command(*words: str) -> str:
    """The command line as an audit shows it."""
    command = "\0".join(words).encode()
    return hide_arguments(command, may_hold_secrets(command)).decode().replace("\0", " ")


def test_ordinary_arguments_are_not_searched_for_secrets() -> None:
    """Because that costs more than the rest of reading them."""
    for words in ("/usr/bin/python3 -m app --path=/srv/x", "sh -c 'PATH=/bin exec node server.js'"):
        assert not may_hold_secrets(words.replace(" ", "\0").encode()), words


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
        ("sshpass -p SHORT ssh -p 22 host", "sshpass -p *** ssh -p 22 host"),
        ("sshpass -v -P x -p SHORT ssh host", "sshpass -v -P x -p *** ssh host"),
        ("sshpass -e ssh -p 22 host", "sshpass -e ssh -p 22 host"),
        ("docker login -u me -p SHORT host", "docker login -u me -p *** host"),
        ("podman --log-level x login -pSHORT host", "podman --log-level x login -p*** host"),
        ("docker run -p 80:80 image", "docker run -p 80:80 image"),
        ("login -p user", "login -p user"),
        ("redis-cli -h host -a SHORT get x", "redis-cli -h host -a *** get x"),
        ("curl -sSu me:SHORT https://x", "curl -sSu me:*** https://x"),
        ("curl -sSume:SHORT https://x", "curl -sSume:*** https://x"),
        ("curl -U me:SHORT https://x", "curl -U me:*** https://x"),
        ("git clone https://SHORT@host/x", "git clone https://***@host/x"),
        ("git clone ssh://git@host/x", "git clone ssh://git@host/x"),
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
