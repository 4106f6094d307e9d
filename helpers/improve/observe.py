"""Run an image in a limited container, and see what it does.

Seen are: whether the process stays up or with which code it ends, the ports that it listens on, its
answers over HTTP, its own health check, and a command of the reader's. This module builds nothing and
compares nothing.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from helpers.engine import Engine
from helpers.engine import container as containers
from helpers.host import loopback, processes

if TYPE_CHECKING:
    from docker.models.containers import Container

UNKNOWN_PATH = "/no-such-page-of-this-app"
_PORTS = 4  # ports that are asked at most
_FILES = 6  # files that a page names and that are asked for at most
_LARGEST = 2_000_000  # bytes of an answer that are compared
_STARTS_IN = 60.0  # seconds within which a port that is expected must be listened on
_SILENT = 12.0  # seconds after which a process counts as one that listens on nothing
_LINGERS = 2.0  # seconds that a process must stay up after the last request
_ANSWERS_IN = 8.0  # seconds within which a port must give its first answer
_COMMAND_ENDS_IN = 120.0  # seconds within which a command in a container must end
_POLL = 0.2
_LISTEN = "0A"
_LOADS = re.compile(r"(?:MODULE \d+: load \"|ESM \d+: Translating \w+ (?:file://)?)(/[^\"]*)")
_OF_A_RUNNER = re.compile(r"/usr/local/lib/node_modules/|/opt/yarn|/root/\.cache/node/corepack/")
_PACKAGE = re.compile(r"/node_modules/((?:@[\w.-]+/)?[\w-][\w.-]*)(?=/)")
_LOOPBACK_6 = "00000000000000000000000001000000"


@dataclass(frozen=True)
class Wishes:
    """What the reader asks for: requests (method, path), a command to pass, the start's environment."""

    probes: tuple[tuple[str, str], ...] = ()
    check: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Answer:
    """An answer to one request at a port; ``status`` is None when no HTTP came back."""

    port: int
    request: str
    status: int | None
    kind: str = ""
    body: bytes = field(default=b"", repr=False)

    @property
    def key(self) -> tuple[int, str]:
        """What tells the same request of two runs."""
        return self.port, self.request


@dataclass(frozen=True)
class Run:
    """What a process did: ``exit_code`` is None when it was still up at the end.

    ``ports`` are those that others can reach, ``inner`` those of loopback. ``health`` and ``check`` are
    the exit codes of the image's health check and of the reader's command; None when there is none.
    ``wrote`` holds the paths that it made or changed. ``later`` are the answers of the same container to
    the same requests, seconds later.
    """

    exit_code: int | None
    output: str = field(default="", repr=False)
    ports: frozenset[int] = frozenset()
    inner: frozenset[int] = frozenset()
    answers: tuple[Answer, ...] = ()
    later: tuple[Answer, ...] = field(default=(), kw_only=True)
    health: int | None = None
    check: int | None = None
    check_output: str = field(default="", repr=False)
    wrote: tuple[str, ...] = ()

    @property
    def last_words(self) -> str:
        """The line of its output that says most about its end."""
        lines = [line.strip() for line in plain(self.output).splitlines() if line.strip()]
        errors = [line for line in lines if re.search(r"(?i)error|cannot|not found|denied|failed", line)]
        return (errors or lines or ["its log is empty"])[-1 if not errors else 0][:300]


def observe(
    image: str,
    wishes: Wishes,
    engine: Engine,
    *,
    settings: Mapping[str, Any],
    tools: str,
    publish: frozenset[int],
    like: Run | None = None,
    twice: bool = False,
) -> Run:
    """Run an image until everything was seen, and return what it did; nothing stays behind.

    ``settings`` are the image's. ``tools`` is an image with a shell, from which a second container looks
    at the ports; "" when there is none. ``like`` is an earlier run: what it did is waited for. ``twice``
    asks the same container again at the end. Raises `ContainerError` when it cannot be started.
    """
    options: dict[str, Any] = {
        "environment": dict(wishes.environment),
        "ports": {f"{port}/tcp": ("127.0.0.1", None) for port in publish},
        "healthcheck": {"test": ["NONE"]},  # it is called below, so that nobody else sends requests
    }
    with contextlib.ExitStack() as stack:
        container = stack.enter_context(containers.created(image, engine=engine, options=options))
        containers.start(container)
        beside = _Beside(stack, container, tools, engine)
        found = _Observer(container, beside, wishes, settings, publish, like).run(twice=twice)
    if found.exit_code is None or not wishes.check:
        return found
    code, said = _checked_alone(image, wishes, engine)
    return replace(found, check=code, check_output=said)


def loaded(image: str, wishes: Wishes, engine: Engine) -> frozenset[str]:
    """Return the packages that a Node program loads until it ends; none if it stays up."""
    options = {
        "environment": {**wishes.environment, "NODE_DEBUG": "module,esm"},
        "healthcheck": {"test": ["NONE"]},
    }
    try:
        ended = containers.finished(image, engine=engine, options=options, patience=_STARTS_IN)
    except containers.ContainerError:
        return frozenset()
    return packages_loaded(ended.output)


def packages_loaded(output: str) -> frozenset[str]:
    """Return the packages that Node says it loads, without those of npm, Yarn and corepack."""
    paths = [found[1] for line in plain(output).splitlines() if (found := _LOADS.match(line.strip()))]
    own = (path for path in paths if not _OF_A_RUNNER.match(path))
    return frozenset(found for path in own for found in _PACKAGE.findall(path)[-1:])


def _checked_alone(image: str, wishes: Wishes, engine: Engine) -> tuple[int, str]:
    """Run the reader's command in a container of its own: the image's process has ended."""
    options = {
        "entrypoint": ["sh", "-c", wishes.check],
        "command": [],
        "environment": dict(wishes.environment),
        "healthcheck": {"test": ["NONE"]},
    }
    try:
        ended = containers.finished(image, engine=engine, options=options, patience=_COMMAND_ENDS_IN)
    except containers.ContainerError as error:
        return 127, str(error)
    return ended.exit_code, ended.output


class _Beside:
    """A second container in the network of the first: it sees the ports, and has a shell."""

    def __init__(
        self, stack: contextlib.ExitStack, container: Container, tools: str, engine: Engine
    ) -> None:
        self._container: Container | None = None
        if not tools:
            return
        options = {
            "entrypoint": ["tail", "-f", "/dev/null"],
            "network_mode": f"container:{container.id}",
            "user": "0:0",
            "healthcheck": {"test": ["NONE"]},
        }
        with contextlib.suppress(containers.ContainerError):  # the first may have ended already
            made = stack.enter_context(containers.created(tools, engine=engine, options=options))
            containers.start(made)
            self._container = made

    def ports(self) -> tuple[frozenset[int], frozenset[int]] | None:
        """Return the ports that are listened on for others, and on loopback; None when unseen."""
        if self._container is None:
            return None
        code, text = _execute(self._container, "cat", "/proc/net/tcp", "/proc/net/tcp6")
        return listening(text) if "local_address" in text or not code else None

    def shell(self, script: str) -> tuple[int, str]:
        """Run a line of shell."""
        if self._container is None:
            return 127, "there is no shell"
        return _execute(self._container, "sh", "-c", script)


def listening(text: str) -> tuple[frozenset[int], frozenset[int]]:
    """Return the ports in a text of /proc/net/tcp and tcp6: those open to others, those of loopback."""
    outer: set[int] = set()
    inner: set[int] = set()
    for line in text.splitlines():
        words = line.split()
        if len(words) > 3 and words[3] == _LISTEN and ":" in words[1]:
            address, _, port = words[1].partition(":")
            is_loopback = address == _LOOPBACK_6 or (len(address) == 8 and address.endswith("7F"))
            (inner if is_loopback else outer).add(int(port, 16))
    return frozenset(outer), frozenset(inner - outer)


class _Observer:
    def __init__(
        self,
        container: Container,
        beside: _Beside,
        wishes: Wishes,
        settings: Mapping[str, Any],
        publish: frozenset[int],
        like: Run | None,
    ) -> None:
        self._container, self._beside, self._wishes = container, beside, wishes
        self._settings, self._publish, self._like = settings, publish, like

    def run(self, *, twice: bool) -> Run:
        self._await()
        code = self._ended()
        if code is not None:
            return self._finished(code)
        outer, inner = self._ports()
        asked = sorted(outer & self._publish)[:_PORTS]
        answers = tuple(answer for port in asked for answer in self._ask(port))
        health, check, said = self._health(), None, ""
        if self._wishes.check:
            check, said = self._check(self._wishes.check)
        time.sleep(_LINGERS)
        code = self._ended()
        if code is not None:
            ended = self._finished(code)
            return Run(code, ended.output, outer, inner, answers, health, check, said, ended.wrote)
        later = tuple(self._asked_again(answers)) if twice else ()
        found = Run(None, self._log(), outer, inner, answers, health, check, said, self._wrote())
        return replace(found, later=later)

    def _asked_again(self, answers: Sequence[Answer]) -> Iterator[Answer]:
        """Send the same requests once more, apart from those that may change something."""
        for answer in answers:
            method, _, path = answer.request.partition(" ")
            if answer.status is not None and method in ("GET", "HEAD"):
                yield self._request(answer.port, method, path)

    def _await(self) -> None:
        """Wait until it listens as it is expected to, or has ended, or is silent."""
        like = self._like
        wanted = like.ports | like.inner if like else frozenset()
        seconds = _STARTS_IN if wanted or (like is None and self._publish) else _SILENT
        steady: tuple[frozenset[int], float] = (frozenset(), time.monotonic())

        def settled() -> bool:
            nonlocal steady
            if self._ended() is not None:
                return True
            outer, inner = self._ports()
            found = outer | inner
            if found != steady[0]:
                steady = (found, time.monotonic())
            calm = bool(found) and time.monotonic() - steady[1] > 1.0
            return calm and wanted <= found

        processes.wait_for(settled, seconds, every=_POLL)

    def _ended(self) -> int | None:
        self._container.reload()
        if self._container.status in ("exited", "dead"):
            return int(self._container.attrs["State"]["ExitCode"])
        return None

    def _finished(self, code: int) -> Run:
        return Run(code, self._log(), wrote=self._wrote())

    def _log(self) -> str:
        return self._container.logs(tail=200).decode(errors="replace")

    def _ports(self) -> tuple[frozenset[int], frozenset[int]]:
        found = self._beside.ports()
        if found is not None:
            return found
        answered = [p for p in self._publish if self._request(p, "GET", "/").status is not None]
        return frozenset(answered), frozenset()

    def _ask(self, port: int) -> Iterator[Answer]:
        known = {a.key: a for a in self._like.answers} if self._like else {}
        expected = known.get((port, "GET /"))
        patient = expected is None or expected.status is not None
        first = self._first(port, _ANSWERS_IN if patient else 0.0)
        yield first
        if first.status is None:
            return
        for method, path in dict.fromkeys([*self._wishes.probes, ("GET", UNKNOWN_PATH)]):
            if (method, path) != ("GET", "/"):
                yield self._request(port, method, path)
        for number, path in enumerate(files_named(first), 1):
            found = self._request(port, "GET", path)
            yield Answer(port, f"file {number} that GET / names", found.status, found.kind, found.body)

    def _first(self, port: int, patience: float) -> Answer:
        """Ask for ``/`` until there is an answer, and none that only says "not yet"."""
        last = Answer(port, "GET /", None)

        def answered() -> bool:
            nonlocal last
            last = self._request(port, "GET", "/")
            return last.status not in (None, 502, 503)

        processes.wait_for(answered, patience, every=_POLL)
        return last

    def _request(self, port: int, method: str, path: str) -> Answer:
        request = f"{method} {path}"
        published = self._container.ports.get(f"{port}/tcp")
        if not published:
            return Answer(port, request, None)
        url = f"http://127.0.0.1:{published[0]['HostPort']}{path}"
        end, body = time.monotonic() + _ANSWERS_IN, b""
        try:
            with loopback.ask(url, _ANSWERS_IN, method=method, redirects=False) as response:
                for part in response.iter_content(65536):
                    body += part
                    if len(body) > _LARGEST or time.monotonic() > end:
                        break
                kind = response.headers.get("content-type", "").partition(";")[0].strip()
                to = urlsplit(response.headers.get("location", "")).path
                return Answer(port, request, response.status_code, f"{kind} {to}".strip(), body)
        except OSError:
            return Answer(port, request, None)

    def _health(self) -> int | None:
        command = health_command(self._settings)
        if not command:
            return None
        code = -1

        def passes() -> bool:
            nonlocal code
            code = _execute(self._container, *command)[0]
            return code == 0

        processes.wait_for(passes, _ANSWERS_IN, every=1.0)
        return code

    def _check(self, script: str) -> tuple[int, str]:
        """Run the reader's command inside; beside it where there is no shell inside."""
        code, said = _execute(self._container, "sh", "-c", script)
        if code in (126, 127) and re.search(r'exec: "sh"|exec failed', said):
            return self._beside.shell(script)
        return code, said

    def _wrote(self) -> tuple[str, ...]:
        rows = self._container.diff() or ()
        paths = sorted(str(row["Path"]) for row in rows if row["Kind"] != 2)
        return tuple(p for p in paths if not any(other.startswith(f"{p}/") for other in paths))


def _execute(container: Container, *command: str) -> tuple[int, str]:
    """Run a command in a container; 124, as of timeout(1), when it has not ended in time."""
    found: list[tuple[int, str]] = []
    thread = threading.Thread(
        target=lambda: found.append(containers.execute(container, *command)), daemon=True
    )
    thread.start()
    thread.join(_COMMAND_ENDS_IN)
    return found[0] if found else (124, f"it had not ended after {_COMMAND_ENDS_IN:.0f} s")


def exposed(settings: Mapping[str, Any]) -> frozenset[int]:
    """Return the TCP ports that an image's settings name."""
    named = settings.get("ExposedPorts") or {}
    return frozenset(int(n.partition("/")[0]) for n in named if n.endswith("/tcp") or n.isdecimal())


def health_command(settings: Mapping[str, Any]) -> list[str]:
    """Return the command of an image's health check; empty when it has none."""
    test = list((settings.get("Healthcheck") or {}).get("Test") or ())
    if test[:1] == ["CMD"]:
        return test[1:]
    return ["/bin/sh", "-c", *test[1:]] if test[:1] == ["CMD-SHELL"] else []


def health_paths(settings: Mapping[str, Any]) -> list[str]:
    """Return the paths that an image's health check asks its own server for."""
    text = " ".join(health_command(settings))
    found = re.findall(
        r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::[\w${}:-]+)?(/[^\s'\"|)]*)", text
    )
    return [path for path in dict.fromkeys(found) if "$" not in path]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        link = (
            named.get("src")
            if tag in ("script", "img")
            else named.get("href")
            if tag == "link"
            else None
        )
        if link:
            self.found.append(link)


def files_named(page: Answer) -> list[str]:
    """Return the paths of scripts, styles and pictures that a page takes from its own server."""
    if "html" not in page.kind:
        return []
    parser = _Links()
    parser.feed(page.body.decode(errors="replace"))
    paths = []
    for link in parser.found:
        parts = urlsplit(urljoin("http://here/", link))
        if parts.netloc == "here" and parts.scheme == "http":
            paths.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return list(dict.fromkeys(paths))[:_FILES]


def plain(text: str) -> str:
    """Return an output without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
