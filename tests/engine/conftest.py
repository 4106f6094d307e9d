"""What tests against a real engine share: the engine, a context that needs no base image, names."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.models.containers import Container

from helpers import engine as engines
from helpers.engine import Engine, EngineError, PrivateEngine, container
from helpers.host import debian, paths


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what makes private engines or stand-ins where neither can be had."""
    if os.geteuid() == 0 and Path("/etc/debian_version").exists():
        return
    for item in items:
        if item.get_closest_marker("private_engine"):
            item.add_marker(
                pytest.mark.skip(reason="private engines and stand-ins need Debian and root")
            )


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Find the reader's engine; a run of these tests without one fails, it does not skip."""
    try:
        return engines.find()
    except EngineError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def programs(engine, tmp_path_factory) -> Iterator[Path]:
    """Give the programs for more engines of the same release; Debian's, fetched once, where none lie here."""
    trees = (Path(engine.docker).parents[2], PrivateEngine().programs)
    for tree in trees:
        if (tree / "usr/sbin/dockerd").exists():
            yield tree
            return
    own = PrivateEngine(tmp_path_factory.mktemp("programs"))
    own.install()
    yield own.programs
    own.remove()


@pytest.fixture(scope="session")
def busybox(tmp_path_factory) -> Path:
    """Fetch Debian's static busybox: a shell and tools in one file, for images FROM scratch."""
    suite = debian.Suite(paths.state("apt"), debian.host_suite())
    folder = debian.unpack(suite.fetch(["busybox-static"]), tmp_path_factory.mktemp("busybox"))
    return next(path for path in folder.rglob("busybox") if path.is_file() and path.stat().st_size > 1e6)


@pytest.fixture
def ours(engine) -> Callable[[], list[Container]]:
    """Give what lists the containers that this process has in the engine, whatever their state."""
    mine = {"label": f"{container.OWNER_LABEL}={container.this_process()}"}
    return lambda: engine.client.containers.list(all=True, filters=mine, ignore_removed=True)


@pytest.fixture
def context(tmp_path, busybox) -> Path:
    """Make a small build context whose path is not plain; a test writes the Dockerfile."""
    folder = tmp_path / "mein Käse ß"
    folder.mkdir()
    shutil.copy(busybox, folder / "busybox")
    (folder / "source.txt").write_text("first\n")
    return folder


@pytest.fixture
def new_tag(engine) -> Iterator[Callable[[], str]]:
    """Give names for images that nobody else has; what bears one is gone afterwards."""
    given: list[str] = []

    def make() -> str:
        given.append(f"workbook-test:{uuid.uuid4().hex[:12]}")
        return given[-1]

    yield make
    for tag in given:
        for image in engine.client.images.list(filters={"reference": tag}):
            engine.client.images.remove(image.id, force=True)


@pytest.fixture
def tag(new_tag) -> str:
    """Give one such name."""
    return new_tag()
