"""The sample app as the lessons know it: its Dockerfiles by name, and the requests that prove it runs.

It builds nothing and measures nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.buildx import dockerfile as reader
from helpers.engine.container import Running
from helpers.host import paths
from helpers.host.errors import WorkbookError

if TYPE_CHECKING:
    import pandas as pd

APP = "/app"


class SampleError(WorkbookError):
    """The sample app lacks what was asked of it, or answered otherwise than it should."""


def dockerfiles() -> dict[str, Path]:
    """Return the Dockerfiles by their short names (``01_naive.Dockerfile`` is ``naive``), in order."""
    found = sorted(paths.DOCKERFILES.glob("*.Dockerfile"))
    return {file.name.removesuffix(".Dockerfile").partition("_")[2]: file for file in found}


def dockerfile(name: str) -> Path:
    """Return the path of one Dockerfile. Raises `SampleError` that names those there are."""
    known = dockerfiles()
    if name not in known:
        raise SampleError(f"There is no Dockerfile {name!r}; there are {', '.join(known)}.")
    return known[name]


def base_images() -> list[str]:
    """Return the base images that the Dockerfiles name, each once, in their order."""
    files = [reader.read(file) for file in dockerfiles().values()]
    return list(dict.fromkeys(name for file in files for name in file.base_images()))


@dataclass(frozen=True)
class Proof:
    """What the API answered from inside a container: one row a request."""

    rows: tuple[tuple[str, int, str], ...]

    def to_frame(self) -> pd.DataFrame:
        """Return the requests, their statuses and what they show."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["request", "status", "shows"])

    def _repr_html_(self) -> str:
        return str(self.to_frame().style.hide(axis="index").to_html())

    def __repr__(self) -> str:
        return self.to_frame().to_string(index=False)


def prove(api: Running) -> Proof:
    """Use the API as a client would: health, create, read, list, a refusal.

    Raises `SampleError` at the first answer that is not what the API promises.
    """
    return Proof(tuple(_conversation(api)))


def _conversation(api: Running) -> Iterator[tuple[str, int, str]]:
    shipment = {"reference": "WB-1", "origin": "DKCPH", "destination": "USNYC", "weightKg": 12.5}
    yield _expect(api, "GET", "/healthz", 200, "the process is up")
    created = api.request("POST", "/shipments", shipment)
    yield _checked("POST /shipments", created.status, 201, "it takes input")
    yield _expect(
        api, "GET", f"/shipments/{created.body['id']}", 200, "it remembers it", "/shipments/:id"
    )
    yield _expect(api, "GET", "/shipments?status=created", 200, "it lists and filters")
    refused = api.request("POST", "/shipments", {"weightKg": -1})
    yield _checked("POST /shipments (nonsense)", refused.status, 400, "it validates")


def _expect(
    api: Running, method: str, path: str, status: int, shows: str, label: str | None = None
) -> tuple[str, int, str]:
    answer = api.request(method, path)
    return _checked(f"{method} {label or path}", answer.status, status, shows)


def _checked(request: str, status: int, wanted: int, shows: str) -> tuple[str, int, str]:
    if status != wanted:
        raise SampleError(f"The API answered {request} with {status} instead of {wanted}.")
    return request, status, shows
