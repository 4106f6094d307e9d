"""Find the commands that a RUN instruction runs, and which of them fetch packages.

This module splits text like a shell, but runs and expands nothing. So it does not recognise a command
that is made of variables.
"""

from __future__ import annotations

import functools
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from helpers.buildx.dockerfile import Instruction

Command = tuple[str, ...]

_BEFORE = {
    "!",
    "{",
    "(",
    "busybox",
    "do",
    "else",
    "env",
    "exec",
    "if",
    "sudo",
    "then",
    "time",
    "until",
    "while",
}
_GLOBAL = {"-g", "--global", "--location=global"}
_WITH_VALUE = {
    *("--cache", "--cache-folder", "--cwd", "--dir", "--fetch-timeout", "--filter", "--include"),
    *(
        "--from",
        "--reference",
        "--jobs",
        "--loglevel",
        "--maxsockets",
        "--mutex",
        "--network-concurrency",
        "--omit",
        "--only",
    ),
    *(
        "--network-timeout",
        "--prefix",
        "--registry",
        "--store-dir",
        "--workspace",
        "-C",
        "-F",
        "-j",
        "-w",
    ),
}
_ASKS = {"--version", "-v", "-V", "--help", "-h", "--dry-run", "--package-lock-only", "--lockfile-only"}
_REMEMBERED = 4096  # instructions
_ENDS = re.compile(r"[;&|()]+")
_SETTING = re.compile(r"[A-Za-z_]\w*=")
_SHELLS = {"ash", "bash", "dash", "sh", "zsh"}


@dataclass(frozen=True)
class Installer:
    """A tool that fetches packages: its commands, the files that they read, and the place of its cache.

    ``manifests`` are the files that such a command reads; a system's package manager reads none.
    ``compiles`` is True for a command that fetches packages while it builds a program, like
    ``go build``. ``first`` is the command that only fetches. ``cache`` is the place of the cache for
    root; it is empty for a tool without a cache that a mount can keep. ``moved_by`` are variables that
    move the cache or turn it off. ``base`` is what the name of a base image has when its cache is there.
    ``kept_there`` is True when the packages themselves are in the cache, and builds read them there.
    """

    name: str
    fetches: Callable[[Command], bool]
    manifests: tuple[str, ...]
    cache: str
    first: str = ""
    compiles: Callable[[Command], bool] = lambda _: False
    moved_by: tuple[str, ...] = ()
    base: str = ""
    kept_there: bool = False

    def reads_files(self, command: Command) -> bool:
        """Whether a command reads its list of packages from files of the project."""
        if self.name == "pip":
            return any(w in (".", "-e") or w.startswith(("-r", "--req", "./", ".[")) for w in command)
        if self.name in ("npm", "yarn", "pnpm"):
            return not _GLOBAL & set(command) and len(plain_words(command)) <= 1
        if self.name == "Go":
            named = any("/" in word and not word.startswith(".") for word in command[2:])
            return not any("@" in word for word in command[1:]) and not (command[1] == "get" and named)
        if self.name == "Cargo" and command[1:2] == ("install",):
            return "--path" in command
        return bool(self.manifests)


def is_global(command: Command) -> bool:
    """Whether a command of Node's package managers installs for the machine, not for the project."""
    return bool(_GLOBAL & set(command)) or command[:2] == ("yarn", "global")


def shown(command: Command) -> str:
    """Return the beginning of a command, for a sentence."""
    return " ".join(command[:3]) + (" …" if len(command) > 3 else "")


def plain_words(command: Command) -> list[str]:
    """Return the words after a command's name that are neither options nor the values of options."""
    found, value = [], False
    for word in command[1:]:
        if value:
            value = False
        elif word.startswith("-"):
            value = word in _WITH_VALUE
        elif ">" not in word:
            found.append(word)
    return found


@functools.lru_cache(maxsize=_REMEMBERED)
def commands(run: Instruction) -> tuple[Command, ...]:
    """Return the simple commands of a RUN, in order, each as a tuple of words; results are kept."""
    shell_form = _shell_text(run)
    return (shell_form,) if isinstance(shell_form, tuple) else tuple(in_text(shell_form))


def in_text(text: str) -> Iterator[Command]:
    """Yield the simple commands of a shell's text, in order."""
    for words in _parted(text):
        bare = words[_settings_before(words) :]
        if bare:
            yield (bare[0].rpartition("/")[2], *bare[1:])


@functools.lru_cache(maxsize=_REMEMBERED)
def settings(run: Instruction) -> Mapping[str, str]:
    """Return the variables that a RUN sets itself, by ``export`` or in front of a command."""
    shell_form = _shell_text(run)
    if isinstance(shell_form, tuple):
        return {}
    found = {}
    for words in _parted(shell_form):
        exported = words[:1] == ["export"]
        for word in words if exported else words[: _settings_before(words)]:
            name, equals, value = word.partition("=")
            if equals:
                found[name] = value
    return found


@functools.lru_cache(maxsize=_REMEMBERED)
def installs(run: Instruction) -> tuple[tuple[Installer, Command], ...]:
    """Return the commands of a RUN that fetch packages, each with its tool."""
    return tuple(
        (installer, command)
        for command in commands(run)
        for installer in INSTALLERS
        if installer.fetches(command) or installer.compiles(command)
    )


def _shell_text(run: Instruction) -> str | Command:
    """Return the text that a shell gets, or the words of the JSON form."""
    if run.value.startswith("["):
        try:
            words = json.loads(run.value)
        except (ValueError, RecursionError):
            words = None
        if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
            inner = words[0].rpartition("/")[2] in _SHELLS and words[1:2] == ["-c"] and words[2:]
            return inner[0] if inner else tuple(words)
    bodies = [body for body in run.heredocs if not body.startswith("#!") or "sh" in body.split("\n")[0]]
    return "\n".join([run.value, *bodies])


def _parted(text: str) -> Iterator[list[str]]:
    """Split a shell's text into commands; text after an unclosed quote is left out."""
    text = re.sub(r"\\\r?\n", " ", text)
    for line in text.splitlines():
        words: list[str] = []
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
        lexer.whitespace_split, lexer.commenters = True, ""
        try:
            for word in lexer:
                if word.startswith("#"):
                    break
                if word.startswith("<<"):
                    continue
                if _ENDS.fullmatch(word):
                    yield words
                    words = []
                else:
                    words.append(word)
        except ValueError:
            pass
        yield words


def _settings_before(words: list[str]) -> int:
    """Count the words before a command: keywords of the shell, settings such as ``CI=1``, ``env``."""
    return next(
        (n for n, word in enumerate(words) if not (word in _BEFORE or _SETTING.match(word))), len(words)
    )


def is_conditional(run: Instruction) -> bool:
    """Whether a RUN decides by ``if`` or ``case`` what it runs."""
    return bool(re.search(r"(?:^|[\s;&|(])(?:if|case)\s", "\n".join([run.value, *run.heredocs])))


_OFFLINE = {
    *("--offline", "--no-restore", "--no-build", "--frozen", "-mod=vendor", "--no-index"),
    *("--prefer-offline", "--no-network"),
}


def is_offline(command: Command) -> bool:
    """Whether an option of an installer keeps it from fetching."""
    if command[0] in ("mvn", "mvnw") and "-o" in command:
        return True
    offline = _OFFLINE & set(command)
    return bool(offline - {"--frozen"} if command[0] == "uv" else offline)


def builds(command: Command) -> bool:
    """Whether a command builds a program or compiles sources."""
    script = command[0] in ("npm", "yarn", "pnpm") and any("build" in word for word in command[1:3])
    tool = command[1:2] if command[0] in ("npx", "pnpx") else command[:1]
    return (
        script
        or any(installer.compiles(command) for installer in INSTALLERS)
        or (bool(_COMPILERS & set(tool)) and not _ASKS & set(command))
    )


_COMPILERS = {"cmake", "g++", "gcc", "javac", "make", "ninja", "rustc", "tsc", "clang", "meson"}


def _words(*tools: str, verbs: tuple[str, ...], bare: bool = False) -> Callable[[Command], bool]:
    """Return a test for ``tool … verb``; ``bare`` also accepts a tool without a verb, like yarn."""

    def recognise(command: Command) -> bool:
        if command[0] not in tools or _ASKS & set(command):
            return False
        plain = plain_words(command)
        return any(verb in plain[:1] for verb in verbs) or (bare and not plain)

    return recognise


def _pip(command: Command) -> bool:
    if re.fullmatch(r"python[\d.]*", command[0]) and command[1:3] == ("-m", "pip"):
        command = ("pip", *command[3:])
    if command[:2] == ("uv", "pip"):
        return False
    return re.fullmatch(r"pip[\d.]*", command[0]) is not None and "install" in command[1:]


def _uv(command: Command) -> bool:
    return command[0] == "uv" and "sync" in command[1:]


def _cargo(command: Command) -> bool:
    return command[0] == "cargo" and (
        "fetch" in command[1:3] or ("chef" in command[1:3] and "cook" in command[2:4])
    )


def _go(command: Command) -> bool:
    return command[:2] == ("go", "get") or (
        command[:2] == ("go", "mod") and command[2:3] in (("download",), ("tidy",), ("vendor",))
    )


def _maven(command: Command) -> bool:
    return command[0] in ("mvn", "mvnw") and not _ASKS & set(command)


def _gradle(command: Command) -> bool:
    return command[0] in ("gradle", "gradlew") and not (_ASKS | {"wrapper", "clean"}) & set(command)


INSTALLERS = (
    Installer(
        "npm",
        _words("npm", verbs=("ci", "install", "i", "clean-install")),
        ("package.json", "package-lock.json"),
        "/root/.npm",
        moved_by=("npm_config_cache",),
    ),
    Installer(
        "yarn",
        _words("yarn", verbs=("install",), bare=True),
        ("package.json", "yarn.lock"),
        "/usr/local/share/.cache/yarn",
        moved_by=("YARN_CACHE_FOLDER",),
    ),
    Installer(
        "pnpm",
        _words("pnpm", verbs=("install", "i", "fetch")),
        ("package.json", "pnpm-lock.yaml"),
        "/root/.local/share/pnpm/store",
        moved_by=("PNPM_HOME", "npm_config_store_dir"),
    ),
    Installer(
        "pip",
        _pip,
        ("requirements.txt",),
        "/root/.cache/pip",
        moved_by=("PIP_CACHE_DIR", "PIP_NO_CACHE_DIR"),
    ),
    Installer(
        "uv",
        _uv,
        ("pyproject.toml", "uv.lock"),
        "/root/.cache/uv",
        "uv sync --locked --no-install-project",
        moved_by=("UV_CACHE_DIR", "UV_NO_CACHE"),
    ),
    Installer(
        "Poetry",
        _words("poetry", verbs=("install", "sync")),
        ("pyproject.toml", "poetry.lock"),
        "/root/.cache/pypoetry",
        "poetry install --no-root",
        moved_by=("POETRY_CACHE_DIR", "POETRY_NO_CACHE"),
    ),
    Installer(
        "Go",
        _go,
        ("go.mod", "go.sum"),
        "/go/pkg/mod",
        "go mod download",
        _words("go", verbs=("build", "install")),
        moved_by=("GOPATH", "GOMODCACHE"),
        base="golang",
        kept_there=True,
    ),
    Installer(
        "Cargo",
        _cargo,
        ("Cargo.toml", "Cargo.lock"),
        "/usr/local/cargo/registry",
        "cargo fetch",
        _words("cargo", verbs=("build", "install", "rustc")),
        moved_by=("CARGO_HOME",),
        base="rust",
        kept_there=True,
    ),
    Installer(
        "Maven",
        lambda command: _maven(command) and any("go-offline" in w for w in command),
        ("pom.xml",),
        "/root/.m2/repository",
        "mvn dependency:go-offline",
        lambda command: _maven(command) and not any("go-offline" in w for w in command),
        moved_by=("MAVEN_OPTS", "MAVEN_CONFIG", "MAVEN_REPO"),
        kept_there=True,
    ),
    Installer(
        "Gradle",
        lambda command: _gradle(command) and "dependencies" in command,
        ("build.gradle", "settings.gradle", "build.gradle.kts", "settings.gradle.kts"),
        "/root/.gradle",
        "gradle dependencies",
        lambda command: _gradle(command) and "dependencies" not in command,
        moved_by=("GRADLE_USER_HOME",),
        kept_there=True,
    ),
    Installer("Bundler", _words("bundle", verbs=("install",)), ("Gemfile", "Gemfile.lock"), ""),
    Installer(
        "Composer",
        _words("composer", verbs=("install",)),
        ("composer.json", "composer.lock"),
        "/var/cache/composer",
        "composer install --no-scripts --no-autoloader",
        moved_by=("COMPOSER_CACHE_DIR", "COMPOSER_HOME"),
    ),
    Installer(
        ".NET",
        _words("dotnet", verbs=("restore",)),
        ("*.csproj",),
        "/root/.nuget/packages",
        "dotnet restore",
        _words("dotnet", verbs=("build", "publish")),
        moved_by=("NUGET_PACKAGES",),
        kept_there=True,
    ),
    Installer("apt", _words("apt-get", "apt", verbs=("install",)), (), "/var/cache/apt"),
    Installer("apk", _words("apk", verbs=("add",)), (), "/var/cache/apk"),
    Installer("dnf", _words("dnf", "microdnf", "yum", verbs=("install",)), (), "/var/cache/dnf"),
)
