"""Find the commands that a RUN instruction runs, and which of them fetch packages.

This module splits text like a shell, but runs and expands nothing. So it does not recognise a command
that is made of variables.
"""

from __future__ import annotations

import functools
import json
import re
import shlex
from collections.abc import Callable, Iterator
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
    "exec",
    "if",
    "sudo",
    "then",
    "time",
    "until",
    "while",
}
_REMEMBERED = 4096  # instructions
_ENDS = re.compile(r"[;&|()]+")
_SETTING = re.compile(r"[A-Za-z_]\w*=")
_SHELLS = {"ash", "bash", "dash", "sh", "zsh"}


@dataclass(frozen=True)
class Installer:
    """A tool that fetches packages: its commands, the files that they read, and the place of its cache.

    ``manifests`` are the files that such a command reads; a system's package manager reads none.
    ``compiles`` is True for a command that fetches packages while it builds a program, like
    ``go build``. ``first`` is the command that only fetches.
    """

    name: str
    fetches: Callable[[Command], bool]
    manifests: tuple[str, ...]
    cache: str
    first: str = ""
    compiles: Callable[[Command], bool] = lambda _: False

    def reads_files(self, command: Command) -> bool:
        """Whether a command reads its list of packages from files of the project."""
        if self.name == "pip":
            return any(w in (".", "-e") or w.startswith(("-r", "--req", "./", ".[")) for w in command)
        if self.name in ("npm", "yarn", "pnpm"):
            return len([word for word in command[1:] if not word.startswith("-")]) <= 1
        return bool(self.manifests)


@functools.lru_cache(maxsize=_REMEMBERED)
def commands(run: Instruction) -> tuple[Command, ...]:
    """Return the simple commands of a RUN, in order, each as a tuple of words; results are kept."""
    shell_form = _shell_text(run)
    return (shell_form,) if isinstance(shell_form, tuple) else tuple(_parted(shell_form))


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


def _parted(text: str) -> Iterator[Command]:
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
                    yield from _bare(words)
                    words = []
                else:
                    words.append(word)
        except ValueError:
            pass
        yield from _bare(words)


def _bare(words: list[str]) -> Iterator[Command]:
    """Drop the words before a command: keywords of the shell, settings such as ``CI=1``, ``env``."""
    rest = list(words)
    while rest and (rest[0] in _BEFORE or _SETTING.match(rest[0]) or rest[0] == "env"):
        del rest[0]
    if rest:
        yield (rest[0].rpartition("/")[2], *rest[1:])


def _words(*tools: str, verbs: tuple[str, ...], bare: bool = False) -> Callable[[Command], bool]:
    """Return a test for ``tool … verb``; ``bare`` also accepts a tool without a verb, like yarn."""

    def recognise(command: Command) -> bool:
        if command[0] not in tools:
            return False
        plain = [word for word in command[1:] if not word.startswith("-")]
        return any(verb in plain[:2] for verb in verbs) or (bare and not plain)

    return recognise


def _pip(command: Command) -> bool:
    if re.fullmatch(r"python[\d.]*", command[0]) and command[1:3] == ("-m", "pip"):
        command = ("pip", *command[3:])
    if command[:2] == ("uv", "pip"):
        command = command[1:]
    return re.fullmatch(r"pip[\d.]*", command[0]) is not None and "install" in command[1:]


INSTALLERS = (
    Installer(
        "npm",
        _words("npm", verbs=("ci", "install", "i", "clean-install")),
        ("package.json", "package-lock.json"),
        "/root/.npm",
    ),
    Installer(
        "yarn",
        _words("yarn", verbs=("install",), bare=True),
        ("package.json", "yarn.lock"),
        "/usr/local/share/.cache/yarn",
    ),
    Installer(
        "pnpm",
        _words("pnpm", verbs=("install", "i", "fetch")),
        ("package.json", "pnpm-lock.yaml"),
        "/root/.local/share/pnpm/store",
    ),
    Installer("pip", _pip, ("requirements.txt",), "/root/.cache/pip"),
    Installer("uv", _words("uv", verbs=("sync",)), ("pyproject.toml", "uv.lock"), "/root/.cache/uv"),
    Installer(
        "Poetry",
        _words("poetry", verbs=("install",)),
        ("pyproject.toml", "poetry.lock"),
        "/root/.cache/pypoetry",
    ),
    Installer(
        "Go",
        lambda command: command[:3] == ("go", "mod", "download"),
        ("go.mod", "go.sum"),
        "/go/pkg/mod",
        "go mod download",
        _words("go", verbs=("build", "install")),
    ),
    Installer(
        "Cargo",
        _words("cargo", verbs=("fetch", "chef")),
        ("Cargo.toml", "Cargo.lock"),
        "/usr/local/cargo/registry",
        "cargo fetch",
        _words("cargo", verbs=("build", "install")),
    ),
    Installer(
        "Maven",
        lambda command: command[0] in ("mvn", "mvnw") and any("go-offline" in w for w in command),
        ("pom.xml",),
        "/root/.m2",
        "mvn dependency:go-offline",
        lambda command: command[0] in ("mvn", "mvnw") and not any("go-offline" in w for w in command),
    ),
    Installer(
        "Gradle",
        lambda command: command[0] in ("gradle", "gradlew") and "dependencies" in command,
        ("build.gradle", "settings.gradle", "gradle"),
        "/root/.gradle",
        "gradle dependencies",
        lambda command: command[0] in ("gradle", "gradlew") and "dependencies" not in command,
    ),
    Installer(
        "Bundler",
        _words("bundle", verbs=("install",)),
        ("Gemfile", "Gemfile.lock"),
        "/root/.bundle/cache",
    ),
    Installer(
        "Composer",
        _words("composer", verbs=("install",)),
        ("composer.json", "composer.lock"),
        "/root/.composer/cache",
    ),
    Installer(
        ".NET",
        _words("dotnet", verbs=("restore",)),
        ("*.csproj",),
        "/root/.nuget/packages",
        "dotnet restore",
        _words("dotnet", verbs=("build", "publish")),
    ),
    Installer("apt", _words("apt-get", "apt", verbs=("install",)), (), "/var/cache/apt"),
    Installer("apk", _words("apk", verbs=("add",)), (), "/var/cache/apk"),
    Installer("dnf", _words("dnf", "microdnf", "yum", verbs=("install",)), (), "/var/cache/dnf"),
)
