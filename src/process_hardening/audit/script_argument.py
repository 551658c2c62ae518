"""Finds the argument that names what an interpreter runs. Pure.

Code is no name, and may be secret. Each interpreter has a table of its options, from its manual. An
option that is not in it ends the search, unless the interpreter has too many to list and code
follows only those that are listed. What follows an unlisted option may be its value, and is named
only if it ends like a script.
"""

from __future__ import annotations

import re

from process_hardening.runtimes import is_called

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAG, _GLUED, _VALUE, _CODE, _PROGRAM = "flag", "glued", "value", "code", "program"

# A path, a module or a class; anything else could be code. A path may have blanks.
_NAME = re.compile(r"[\w@%+:,./~-]+|[\w@%+:,./~ -]+\.[A-Za-z]\w*")

# Not a value, even after an option that may have one.
_SCRIPT = re.compile(r".*\.(?:[cm]?[jt]sx?|jar|jl|R|scm|dll|exe)", re.DOTALL)


class _Syntax:
    """The options of an interpreter.

    flags -- letters without a value; glued -- letters whose value is the rest of the word
    value -- letters whose value is the rest of the word, or else the next word
    code, program -- likewise, if the value is code or names what is run
    words -- whole options, and commands: to what follows. Options with two hyphens can also have
        =VALUE.
    is_open -- whether other options are skipped
    has_letters -- whether letters can be combined; joins_code -- whether code can follow its letter
    """

    __slots__ = ("has_letters", "is_open", "joins_code", "letters", "words")

    def __init__(
        self,
        *,
        flags: str = "",
        glued: str = "",
        value: str = "",
        code: str = "",
        program: str = "",
        words: Mapping[str, str] | None = None,
        is_open: bool = False,
        has_letters: bool = True,
        joins_code: bool = True,
    ) -> None:
        self.letters = {
            **dict.fromkeys(flags, _FLAG),
            **dict.fromkeys(glued, _GLUED),
            **dict.fromkeys(value, _VALUE),
            **dict.fromkeys(code, _CODE),
            **dict.fromkeys(program, _PROGRAM),
        }
        self.words = words or {}
        self.is_open = is_open
        self.has_letters = has_letters
        self.joins_code = joins_code


def _words(**kinds: str) -> dict[str, str]:
    """Return the kind of each option in these lists, separated by blanks."""
    return {word: kind for kind, words in kinds.items() for word in words.split()}


_PYTHON = _Syntax(
    flags="bBdEhiIOPqRsStuvVx?",
    value="WX",
    code="c",
    program="m",
    words=_words(value="--check-hash-based-pycs", flag="--help --help-env --version"),
)
_PERL = _Syntax(flags="0123456789acfghlnpsStTuUvwWX", glued="CdDFimMVx", value="I", code="eE")
_RUBY = _Syntax(
    flags="acdhlnpsSvwy0123456789",
    glued="FiKTWx",
    value="CEIrX",
    code="e",
    words=_words(
        value="--encoding --external-encoding --internal-encoding --enable --disable --parser",
        flag="--copyright --debug --jit --rjit --yjit --verbose --version --yydebug",
    ),
)
_PHP = _Syntax(
    flags="aCehHilmnqsvw",
    value="cdgStTz",
    code="BrRE",
    program="fF",
    words=_words(
        code="--run --process-begin --process-code --process-end",
        program="--file --process-file",
        value="--php-ini --define --zend-extension --server --docroot --rf --rc --re --rz --ri",
        flag="--interactive --no-php-ini --no-header --syntax-check --strip --syntax-highlight",
    ),
)
_NODE = _Syntax(
    flags="chivs",
    value="rC",
    code="ep",
    words=_words(
        code="--eval --print",
        flag="--inspect --inspect-brk --inspect-wait --watch --test --enable-source-maps"
        " --trace-warnings --no-warnings --no-deprecation --trace-deprecation --expose-gc"
        " --preserve-symlinks --abort-on-uncaught-exception --disable-sigusr1",
        value="--require --import --loader --experimental-loader --conditions --env-file --title"
        " --env-file-if-exists --input-type --run --watch-path --test-name-pattern"
        " --inspect-port --debug-port --stack-trace-limit"
        " --allow-fs-read --allow-fs-write --bench-isolation --bench-name-pattern"
        " --bench-reporter --bench-reporter-destination --bench-samples --bench-warmup"
        " --build-sea --build-snapshot-config --cpu-prof-dir --cpu-prof-interval --cpu-prof-name"
        " --diagnostic-dir --disable-proto --disable-warning --dns-result-order"
        " --experimental-default-type --experimental-package-map --experimental-policy"
        " --experimental-sea-config --experimental-test-isolation --experimental-test-tag-filter"
        " --heap-prof-dir --heap-prof-interval --heap-prof-name --heapsnapshot-near-heap-limit"
        " --heapsnapshot-signal --icu-data-dir --inspect-publish-uid --localstorage-file"
        " --max-http-header-size --max-old-space-size-percentage"
        " --network-family-autoselection-attempt-timeout --openssl-config --policy-integrity"
        " --process-timeout --redirect-warnings --report-dir --report-directory"
        " --report-filename --report-signal --secure-heap --secure-heap-min --snapshot-blob"
        " --test-concurrency --test-coverage-branches --test-coverage-exclude"
        " --test-coverage-functions --test-coverage-include --test-coverage-lines"
        " --test-global-setup --test-isolation --test-random-seed --test-reporter"
        " --test-reporter-destination --test-rerun-failures --test-shard --test-skip-pattern"
        " --test-timeout --tls-cipher-list --tls-keylog --trace-event-categories"
        " --trace-event-file-pattern --trace-require-module --unhandled-rejections"
        " --use-largepages --v8-pool-size --vfs-load --watch-kill-signal",
    ),
    is_open=True,
)
_DENO = _Syntax(
    flags="Aqr",
    value="c",
    words=_words(
        code="eval",
        flag="run serve --inspect --inspect-brk --inspect-wait --watch --allow-all --cached-only",
        value="--config --import-map --cert --location --seed",
    ),
    is_open=True,
)
_JAVA = _Syntax(
    words=_words(
        program="-jar -m --module",
        flag="--enable-preview --dry-run --show-version --disable-@files",
        value="-cp -classpath --class-path -p --module-path --add-modules --add-opens"
        " --add-exports --add-reads --limit-modules --upgrade-module-path --patch-module --source"
        " --enable-native-access -d --describe-module",
    ),
    is_open=True,
    has_letters=False,
)
_JSVC = _Syntax(
    words=_words(
        value="-jvm -cp -classpath -home -java-home -user -cwd -outfile -errfile -pidfile -umask"
        " -procname -wait -restarts",
        flag="-help --help -? -client -server -version -showversion -nodetach -debug -check -stop"
        " -keepstdin",
    ),
    is_open=True,  # -D, -X, -ea: jsvc(1)
    has_letters=False,
)
_LUA = _Syntax(flags="iEvW", glued="O", value="jlb", code="e")
_JULIA = _Syntax(
    flags="hiqv",
    glued="gO",
    value="CHJLpt",
    code="eE",
    program="m",
    words=_words(
        code="--eval --print",
        value="--load --procs --threads --sysimage --machine-file --cpu-target --module",
    ),
    is_open=True,
)
_GUILE = _Syntax(flags="hqv", value="CLelx", code="c", program="s", is_open=True)
_TCL = _Syntax(words=_words(value="-encoding"), has_letters=False)
_R = _Syntax(code="e", is_open=True)
_ELIXIR = _Syntax(
    flags="hv",
    value="r",
    code="e",
    program="S",
    words=_words(
        code="--eval --rpc-eval --erl --cookie",
        value="-pa -pr -pz --name --sname --app --boot --dbg --pipe-to --vm-args",
    ),
)
_OTHERS = _Syntax(is_open=True, has_letters=False)  # dotnet and mono, which run only files

_SHELL = _Syntax(
    flags="abBCeEfghiIjkKlLmMnNpPqrtTuvVwxXyYzZd",
    value="oORA",
    code="csD",
    words=_words(
        value="--rcfile --init-file --emulate",
        flag="--login --noprofile --norc --posix --restricted --verbose --noediting --debugger",
    ),
    joins_code=False,
)
_FISH = _Syntax(
    flags="hilNnPv",
    value="dDfop",
    code="cCs",
    words=_words(
        code="--command --init-command",
        value="--debug --debug-output --features --profile --profile-startup --debug-stack-frames",
        flag="--interactive --login --no-config --no-execute --private",
    ),
)
_PWSH = _Syntax(
    words=_words(program="-File -file -f", flag="-NoLogo -NoProfile -NonInteractive -Login"),
    has_letters=False,
)
_NU = _Syntax(
    flags="hilnv",
    value="Imt",
    code="ce",
    words=_words(
        code="--commands --execute",
        value="--config --env-config --plugin-config --log-level --include-path",
        flag="--interactive --login --no-config-file --no-std-lib --stdin",
    ),
)
_XONSH = _Syntax(
    flags="hilV", value="D", code="c", words=_words(value="--rc --shell-type", flag="--no-rc")
)
_ELVISH = _Syntax(
    words=_words(code="-c", value="-rc -db -sock -log", flag="-norc -i"), has_letters=False
)

_OF_SHELLS = {
    **dict.fromkeys(
        ("ash", "bash", "csh", "dash", "ksh", "ksh93", "mksh", "oksh", "rbash", "sh", "tcsh",
         "yash", "zsh"),
        _SHELL,
    ),
    "elvish": _ELVISH,
    "fish": _FISH,
    "nu": _NU,
    "pwsh": _PWSH,
    "xonsh": _XONSH,
}  # fmt: skip

SHELLS = frozenset(_OF_SHELLS)

# Names of interpreters, without the version.
_OF_INTERPRETERS = {
    **dict.fromkeys(("python", "pypy"), _PYTHON),
    **dict.fromkeys(("node", "nodejs", "electron", "bun"), _NODE),
    **dict.fromkeys(("lua", "luajit"), _LUA),
    **dict.fromkeys(("tclsh", "wish"), _TCL),
    **dict.fromkeys(("dotnet", "mono"), _OTHERS),
    **dict.fromkeys(("jsvc", "jsvc.exec"), _JSVC),
    "Rscript": _R,
    "deno": _DENO,
    "elixir": _ELIXIR,
    "guile": _GUILE,
    "java": _JAVA,
    "julia": _JULIA,
    "perl": _PERL,
    "php": _PHP,
    "ruby": _RUBY,
}


_FREE_THREADED = re.compile(r"(python\d+\.\d+)t")


def _syntax_of(name: str) -> _Syntax | None:
    if name in _OF_SHELLS:
        return _OF_SHELLS[name]
    python = _FREE_THREADED.fullmatch(name)
    name = python[1] if python else name
    return next((one for base, one in _OF_INTERPRETERS.items() if is_called(name, base)), None)


def find_script(name: str, arguments: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """Return the arguments that name what a program runs, and how many are before them.

    name -- of the program; arguments -- without the program's own name

    The first are ("server.js",) or ("-m", "module"). They are ("-c",) for code and ("-",) for
    standard input, and () if they are not known or the program is no interpreter.
    """
    syntax = _syntax_of(name)
    if syntax is None:
        return (), len(arguments)
    number = 0
    may_be_value = False
    while number < len(arguments):
        word = arguments[number]
        if word == "--":
            return _names(arguments[number + 1 : number + 2]), number
        if word == "-":
            return (word,), number
        is_option = word.startswith("-") or (word.startswith("+") and syntax is _SHELL)
        if not is_option and word not in syntax.words:
            is_file = not may_be_value or _SCRIPT.fullmatch(word)
            return (_names((word,)) if is_file else ()), number
        kind, is_last = _kind_of(word, syntax)
        following = arguments[number + 1 : number + 2]
        if kind == _CODE:
            return ((word,) if is_last else ()), number
        if kind == _PROGRAM:
            return ((word, *following) if is_last and _names(following) else ()), number
        if kind is None and not syntax.is_open:
            return (), number
        may_be_value = (
            kind is None and "=" not in word and (word.startswith("--") or syntax.has_letters)
        )
        number += 2 if kind == _VALUE and is_last else 1
    return (), number


def read_options(name: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options before what a program runs, without values in words of their own.

    The word that ends them is the last: java(1) reads more of them from an @file.

    name, arguments -- as for find_script()
    """
    syntax = _syntax_of(name)
    if syntax is None:
        return arguments
    end = find_script(name, arguments)[1]
    options: list[str] = []
    number = 0
    while number < min(end + 1, len(arguments)):
        word = arguments[number]
        options.append(word)
        kind, is_last = _kind_of(word, syntax)
        number += 2 if kind == _VALUE and is_last else 1
    return tuple(options)


def _names(words: tuple[str, ...]) -> tuple[str, ...]:
    return words if all(_NAME.fullmatch(word) for word in words) else ()


def _kind_of(word: str, syntax: _Syntax) -> tuple[str | None, bool]:
    """Return what an option is, None if it is not listed, and whether its value is the next word.

    Code that follows its letter in the same word also counts as not in the next word.
    """
    name, equals, _ = word.partition("=") if word.startswith("--") else (word, "", "")
    if name in syntax.words:
        return syntax.words[name], not equals
    if word.startswith("--") or not syntax.has_letters:
        return None, True
    kind: str | None = _FLAG
    for at, letter in enumerate(word[1:], 1):
        kind = syntax.letters.get(letter)
        if kind == _CODE and not syntax.joins_code:
            others = set(word[at + 1 :])
            return kind, others <= syntax.letters.keys()
        if kind != _FLAG:
            return kind, at == len(word) - 1
    return kind, True
