"""One answer to an exercise: what the learner wrote, beside a copy of the app, and what comes of it.

Everything is done when it is first asked for, and once. It judges nothing: the checks do.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from helpers import build as builds
from helpers import container as containers
from helpers import live, workspace
from helpers.build import BuildResult, Request, Watcher
from helpers.closing import Closing
from helpers.container import Running


class Attempt(Closing):
    """An answer, built in a working copy of its own; use it as a context manager.

    ``files`` are texts by their path in the copy; ``Dockerfile`` is one of them. ``source`` is the
    source file that an edit changes; ``clutter`` fills the copy's folder first.
    """

    def __init__(
        self,
        name: str,
        app: Path,
        files: Mapping[str, str],
        source: str,
        clutter: Callable[[Path], object] | None = None,
    ) -> None:
        self.name = name
        self.files = dict(files)
        self._app = app
        self._source = source
        self._clutter = clutter
        self._stack = contextlib.ExitStack()

    def close(self) -> None:
        """Remove the answer's copy and its images."""
        self._stack.close()

    @cached_property
    def copy(self) -> workspace.Workspace:
        """The working copy, with the answer's files in it."""
        copy = self._stack.enter_context(workspace.copy(self._app, with_secret=True))
        if self._clutter:
            self._clutter(copy.path)
        for name, text in self.files.items():
            copy.write(name, text)
        return copy

    @cached_property
    def result(self) -> BuildResult:
        """The build of the answer, shown live. Raises the errors of `helpers.build`."""
        with live.watcher("your answer") as watch:
            return self._build("", watch)

    @cached_property
    def after_an_edit(self) -> BuildResult:
        """The next build, after a line was added to a source file."""
        _ = self.result
        return self.rebuilt_with(self._source, _edit())

    @cached_property
    def two_releases(self) -> tuple[BuildResult, BuildResult]:
        """Two builds with a change of the source between them, the first one new to every cache.

        A step that was built cold several times has several results in BuildKit's cache, and the next
        build may take any of them: layers would differ that no change has touched.
        """
        version = f"1.0.0-{secrets.token_hex(4)}"  # npm writes it into node_modules, too
        for name in ("package.json", "package-lock.json"):
            file = self.copy.path / name
            settings = json.loads(file.read_text(encoding="utf-8"))
            file.write_text(json.dumps({**settings, "version": version}), encoding="utf-8")
        first = self._build("-first")
        return first, self.rebuilt_with(self._source, _edit())

    def rebuilt_with(self, file: str, addition: str) -> BuildResult:
        """Build once more with a line added to a file, which gets its old text back."""
        path = self.copy.path / file
        text = path.read_text(encoding="utf-8")
        path.write_text(text + addition, encoding="utf-8")
        try:
            return self._build("-edited")
        finally:
            path.write_text(text, encoding="utf-8")

    @contextlib.contextmanager
    def running(self) -> Iterator[Running]:
        """Run a container of the answer. Raises `ContainerError` when it does not answer."""
        with containers.running(self.result.image_id, where=self.result.engine) as api:
            yield api

    def _build(self, suffix: str, watch: Watcher | None = None) -> BuildResult:
        path = self.copy.path
        tag = f"workbook/exercise-{self.name}{suffix}"
        result = builds.build(Request(path / "Dockerfile", path, tag), watch)
        self._stack.callback(_remove, result)
        return result


def _edit() -> str:
    """Return a line of source that no build has seen: the cache would know the outcome of another."""
    return f'\nexport const edited = "{secrets.token_hex(8)}";\n'


def _remove(result: BuildResult) -> None:
    """Take the answer's image away; its steps stay in the build cache."""
    from docker.errors import APIError, ImageNotFound

    with contextlib.suppress(ImageNotFound, APIError):
        result.engine.client.images.remove(result.tag)
