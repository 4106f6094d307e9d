"""An engine that stands for a real one in tests: it saves one image, in pieces that fit no boundary."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any


def tar_of(contents: Mapping[str, bytes]) -> bytes:
    """Return a tar of files by their names."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def saving(
    save: bytes = b"", *, store: str = "containerd", root: str = "/nowhere", piece: int = 700, **api: Any
):
    """Return an engine with one image; ``asked`` counts requests, ``api`` adds calls of its API."""

    def pieces(_size):
        engine.asked += 1
        return (save[at : at + piece] for at in range(0, len(save), piece))

    engine = SimpleNamespace(
        store=store, root=root, asked=0, client=SimpleNamespace(api=answering(pieces, **api))
    )
    return engine


def answering(pieces, **api: Any):
    """Return the API of an engine that answers the request for an image with these pieces."""

    @contextlib.contextmanager
    def get(_address, **_):
        yield SimpleNamespace(status_code=200, ok=True, iter_content=pieces)

    return SimpleNamespace(base_url="http+docker://e", api_version="1.45", timeout=60, get=get, **api)
