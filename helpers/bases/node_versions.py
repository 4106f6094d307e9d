"""Which versions of Node a stand-in can have: those that registries of packages hold.

npm has Node for glibc, PyPI has it for musl. A tag may name a line (``24``), a minor version
(``24.11``, which is its newest patch) or an exact version. It fetches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LTS = LATEST = 26  # Node's release schedule: 26 is the long-term line since 2026-10-28


@dataclass(frozen=True)
class Node:
    """A version of Node with the npm and the corepack that come with its line.

    ``corepack`` is empty from line 25 on: Node no longer ships it.
    """

    version: str
    npm: str
    corepack: str

    @property
    def line(self) -> int:
        """The major version."""
        return int(self.version.partition(".")[0])


# All stand-ins of a line carry one version, as the official images do; up to 24 it is the newest that
# PyPI has for musl. npm and corepack are those of that version, and older ones of the line get them too.
_LINES = {
    20: Node("20.18.0", "10.8.2", "0.29.3"),
    22: Node("22.20.0", "10.9.3", "0.34.0"),
    24: Node("24.19.0", "11.17.0", "0.35.0"),
    26: Node("26.10.0", "11.17.0", ""),
}

_NPM_HAS = """
20.0.0 20.1.0 20.2.0 20.3.0 20.3.1 20.4.0 20.5.0 20.5.1 20.6.0 20.6.1 20.7.0 20.8.0 20.8.1 20.9.0
20.10.0 20.11.0 20.11.1 20.12.0 20.12.1 20.12.2 20.13.0 20.13.1 20.14.0 20.15.0 20.15.1 20.16.0
20.17.0 20.18.0 20.18.1 20.18.2 20.18.3 20.19.0 20.19.1 20.19.2 20.19.3 20.19.4 20.19.5 20.19.6
20.20.0 20.20.1 20.20.2
22.0.0 22.1.0 22.2.0 22.3.0 22.4.0 22.4.1 22.5.0 22.5.1 22.6.0 22.7.0 22.8.0 22.9.0 22.10.0 22.11.0
22.12.0 22.13.0 22.13.1 22.14.0 22.15.0 22.15.1 22.16.0 22.17.0 22.17.1 22.18.0 22.19.0 22.20.0
22.21.0 22.21.1 22.22.0 22.22.1 22.22.2 22.22.3 22.23.0 22.23.1 22.23.2 22.23.3 22.23.5
24.0.0 24.0.1 24.0.2 24.1.0 24.2.0 24.3.0 24.4.0 24.4.1 24.5.0 24.6.0 24.7.0 24.8.0 24.9.0 24.10.0
24.11.0 24.11.1 24.12.0 24.13.0 24.13.1 24.14.0 24.14.1 24.15.0 24.16.0 24.17.0 24.18.0 24.18.1
24.19.0 24.20.0 24.21.0 24.22.1 24.22.3
26.0.0 26.1.0 26.2.0 26.3.0 26.3.1 26.4.0 26.5.0 26.5.1 26.6.0 26.7.0 26.8.0 26.8.1 26.8.2 26.9.0
26.10.0 26.12.1
"""
_PYPI_HAS = """
20.13.0 20.13.1 20.14.0 20.15.0 20.15.1 20.16.0 20.17.0 20.18.0
22.11.0 22.12.0 22.13.0 22.13.1 22.14.0 22.15.0 22.15.1 22.16.0 22.17.0 22.17.1 22.18.0 22.19.0
22.20.0
24.11.1 24.12.0 24.13.0 24.13.1 24.14.0 24.14.1 24.15.0 24.16.0 24.17.0 24.19.0
"""


def lines() -> list[int]:
    """Return the lines of which there are stand-ins, oldest first."""
    return list(_LINES)


def find(wanted: str, *, musl: bool = False) -> Node | None:
    """Return the version that ``wanted`` names; None where no registry of packages has it.

    ``wanted`` is a line, a minor version, an exact version, ``lts`` or ``latest``.
    """
    wanted = {"lts": str(LTS), "latest": str(LATEST), "current": str(LATEST)}.get(wanted, wanted)
    known = _known(musl=musl)
    line = _LINES.get(int(wanted.partition(".")[0]))
    if line is None or not any(_belongs(version, wanted) for version in known):
        return None
    if wanted == str(line.line):
        return line
    version = max((v for v in known if _belongs(v, wanted)), key=_order)
    return Node(version, line.npm, line.corepack)


def nearest(wanted: str, *, musl: bool = False) -> list[str]:
    """Return up to three versions that there are, the nearest to ``wanted`` first."""
    numbers = _order(wanted)
    known: Iterable[str] = _known(musl=musl)
    if len(numbers) == 1:
        known = sorted({version.partition(".")[0] for version in known})
    else:
        known = [v for v in known if _order(v)[0] == numbers[0]] or [str(line) for line in _LINES]
    if len(numbers) == 2:  # a minor version
        known = {v if v.count(".") == 0 else v.rpartition(".")[0] for v in known}
    return sorted(known, key=lambda version: _distance(_order(version), numbers))[:3]


def _known(*, musl: bool) -> list[str]:
    return (_PYPI_HAS if musl else _NPM_HAS).split()


def _belongs(version: str, wanted: str) -> bool:
    return version == wanted or version.startswith(f"{wanted}.")


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _distance(version: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(abs(a - b) for a, b in zip(version, wanted, strict=False))
