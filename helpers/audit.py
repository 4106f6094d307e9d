"""Ask databases of known vulnerabilities about every package that the lock files pin.

Python's packages are asked of the index that pip is set up with, which tells PyPI's advisories beside
each release; npm's of its own registry, by ``npm audit``. An index that tells none is said to tell none:
what could not be asked is never called clean. It changes no lock file.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from helpers.bases import npm_mirror
from helpers.bases.host_settings import without_credentials
from helpers.host import bootstrap, downloads, paths
from helpers.host.errors import redacted
from helpers.host.workshop import Workshop

_PYPI = "https://pypi.org/simple"
_PATIENCE = 30.0  # seconds for one answer
_NPM_PATIENCE = 120.0
_FIRST = 3  # packages that are asked about before an index is taken to tell nothing
_AT_ONCE = 6


class Answer(IntEnum):
    """What came of an audit; its number is the exit code of the command."""

    CLEAN = 0
    VULNERABLE = 1
    NOT_ASKED = 3


class _SilentError(Exception):
    """A database gave no answer; the text says why, without a full stop."""


@dataclass(frozen=True)
class Hole:
    """One known vulnerability of one package: its identifier, and what is said of a remedy."""

    package: str
    identifier: str
    remedy: str


@dataclass(frozen=True)
class Audited:
    """One lock file: how many packages it pins, which database was asked, what that knows of them.

    ``reason`` says why the database could not be asked about all of them; it is empty when it was.
    """

    file: str
    packages: int
    database: str
    holes: tuple[Hole, ...]
    reason: str = ""

    @property
    def answer(self) -> Answer:
        """A vulnerability that is known counts before a question that could not be asked."""
        if self.holes:
            return Answer.VULNERABLE
        return Answer.NOT_ASKED if self.reason else Answer.CLEAN

    def __str__(self) -> str:
        if self.holes:
            said = f"the {self.database} know {len(self.holes)} vulnerabilities"
        else:
            said = f"the {self.database} " + ("could not be asked" if self.reason else "know of nothing")
        because = f": {self.reason}" if self.reason else ""
        lines = [f"{self.file}, {self.packages} packages: {said}{because}."]
        lines += [f"  {hole.package}: {hole.identifier}; {hole.remedy}" for hole in self.holes]
        return "\n".join(lines)


@dataclass(frozen=True)
class Audit:
    """All lock files, and the day on which they were audited."""

    day: datetime.date
    files: tuple[Audited, ...]

    @property
    def answer(self) -> Answer:
        """The gravest answer of all files."""
        given = {audited.answer for audited in self.files}
        return next((a for a in (Answer.VULNERABLE, Answer.NOT_ASKED) if a in given), Answer.CLEAN)

    def __str__(self) -> str:
        return "\n".join([f"Audited on {self.day}.", *map(str, self.files)])


def audit() -> Audit:
    """Audit every lock file of the workbook. Raises `DownloadError` where there is no pip or npm."""
    today = datetime.datetime.now(datetime.UTC).date()
    locks = [npm(file) for file in npm_mirror.lockfiles()]
    return Audit(today, (python(bootstrap.LOCK), *locks))


def _shown(file: Path) -> str:
    return file.relative_to(paths.ROOT).as_posix() if file.is_relative_to(paths.ROOT) else file.name


# Python


def pinned(lock: str) -> list[tuple[str, str]]:
    """Return the packages of a requirements file with their versions, each pair once."""
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", lock, re.MULTILINE)
    return list(dict.fromkeys(found))


def python(lock: Path) -> Audited:
    """Audit a requirements file by the index of this host's pip."""
    index = _Index.configured()
    wanted = pinned(lock.read_text())
    database = f"advisories of {without_credentials(index.address)}"
    answers = _asked(index, wanted[:_FIRST])
    if any(not isinstance(answer, _SilentError) for answer in answers):
        answers += _asked(index, wanted[_FIRST:])
    silent = [answer for answer in answers if isinstance(answer, _SilentError)]
    holes = [hole for answer in answers if not isinstance(answer, _SilentError) for hole in answer]
    reason = ""
    if silent:
        unasked = len(wanted) - len(answers) + len(silent)
        reason = redacted(f"no answer for {unasked} of them, since {silent[0]}")
    return Audited(_shown(lock), len(wanted), database, tuple(holes), reason)


def _asked(index: _Index, packages: Iterable[tuple[str, str]]) -> list[tuple[Hole, ...] | _SilentError]:
    def ask(package: tuple[str, str]) -> tuple[Hole, ...] | _SilentError:
        try:
            return index.holes(*package)
        except _SilentError as silent:
            return silent

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(ask, packages))


@dataclass(frozen=True)
class _Index:
    """An index of Python packages, asked as PyPI is: ``/pypi/NAME/VERSION/json``."""

    address: str
    certificates: str | None

    @classmethod
    def configured(cls) -> _Index:
        """Return the index that pip would take packages from, with the certificates that it trusts."""
        command = [*downloads.pip_command(), "config", "list"]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        settings: dict[str, str] = {}
        for scope in (r"global", r"download", r":env:"):  # the later ones count more
            settings |= dict(re.findall(rf"^{scope}\.([\w-]+)='(.*)'$", told, re.MULTILINE))
        address = settings.get("index-url", _PYPI).rstrip("/")
        return cls(address, settings.get("cert"))

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        trusted = ssl.create_default_context()
        if self.certificates:
            with contextlib.suppress(OSError):  # then the system's certificates have to do
                trusted.load_verify_locations(self.certificates)
        return trusted

    def holes(self, name: str, version: str) -> tuple[Hole, ...]:
        """Return what is known against one release. Raises `_SilentError`."""
        address = f"{self.address.removesuffix('/simple')}/pypi/{name}/{version}/json"
        about = self._get(address)
        if not isinstance(about, dict) or not isinstance(about.get("vulnerabilities"), list):
            raise _SilentError("it tells no advisories")
        known = (row for row in about["vulnerabilities"] if not row.get("withdrawn"))
        return tuple(_pypi_hole(f"{name} {version}", row) for row in known)

    def _get(self, address: str) -> Any:
        parts = urlsplit(without_credentials(address))
        request = urllib.request.Request(parts.geturl())  # noqa: S310 - the scheme is checked below
        if parts.scheme not in ("http", "https"):
            raise _SilentError("it is no web address")
        login = urlsplit(self.address)
        if login.username is not None:
            pair = f"{unquote(login.username)}:{unquote(login.password or '')}"
            basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
            request.add_unredirected_header("Authorization", basic)
        try:
            with urllib.request.urlopen(  # noqa: S310 - http or https
                request, timeout=_PATIENCE, context=self._trusted
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise _SilentError(f"it answered {error.code} {error.reason}") from None
        except (OSError, ValueError) as error:
            raise _SilentError(f"{getattr(error, 'reason', error)}") from None


def _pypi_hole(package: str, row: Mapping[str, Any]) -> Hole:
    names = [str(row["id"]), *map(str, row.get("aliases") or ())]
    fixed = ", ".join(map(str, row.get("fixed_in") or ()))
    return Hole(package, " ".join(names), f"fixed in {fixed}" if fixed else "no fixed release is told")


# npm


def npm(lock: Path) -> Audited:
    """Audit a lock file of npm by the registry of this host's npm."""
    entries = json.loads(lock.read_text())["packages"]
    packages = {
        (path.rpartition("node_modules/")[2], e.get("version")) for path, e in entries.items() if path
    }
    database = "advisories of npm's registry"
    try:
        report = _npm_report(lock)
    except _SilentError as silent:
        return Audited(_shown(lock), len(packages), database, (), redacted(str(silent)))
    holes = [
        Hole(f"{name} {via['range']}", f"{via['url']} ({via['severity']})", str(via["title"]))
        for name, row in sorted(report["vulnerabilities"].items())
        for via in row["via"]
        if isinstance(via, dict)  # else it is the name of a package below, which has its own row
    ]
    return Audited(_shown(lock), len(packages), database, tuple(holes))


def _npm_report(lock: Path) -> dict[str, Any]:
    """Return npm's own report; it has the vulnerabilities by package. Raises `_SilentError`."""
    with Workshop(paths.state("audit")).scratch() as folder:
        for name in ("package.json", "package-lock.json"):
            (folder / name).write_bytes(lock.with_name(name).read_bytes())
        command = [*downloads.npm_command(), "audit", "--package-lock-only", "--json"]
        command += ["--cache", str(folder / "cache"), "--fetch-retries=0"]
        try:
            ran = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=_NPM_PATIENCE, check=False
            )
            report = json.loads(ran.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            raise _SilentError("`npm audit` gave no report") from None
    if not isinstance(report, dict) or not isinstance(report.get("vulnerabilities"), dict):
        said = report.get("message") or (report.get("error") or {}).get("summary")
        raise _SilentError(str(said or "`npm audit` gave no report").splitlines()[0].rstrip("."))
    return report
