"""One answer to an exercise: the learner's text in a copy of the project, and the builds of it.

Each build is made once, when it is first asked for. The checks judge the answer; this module does not.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from functools import cached_property

from helpers import buildx
from helpers.buildx import BuildResult, Request, Watcher, live
from helpers.engine import Running
from helpers.engine import container as containers
from helpers.exercises.projects import Project
from helpers.host import workspace
from helpers.host.processes import Closing


class Attempt(Closing):
    """An answer, built in its own working copy; use it as a context manager.

    ``files`` maps a path in the copy to its text; ``Dockerfile`` is one of the paths.
    """

    def __init__(self, name: str, project: Project, files: Mapping[str, str]) -> None:
        self.name = name
        self.project = project
        self.files = dict(files)
        self._stack = contextlib.ExitStack()
        self._stages: dict[str, BuildResult] = {}

    def close(self) -> None:
        """Remove the answer's copy and its images."""
        self._stack.close()

    @cached_property
    def copy(self) -> workspace.Workspace:
        """The working copy, with the answer's files."""
        copy = self._stack.enter_context(workspace.copy(self.project.folder, with_secret=True))
        if self.project.clutter:
            self.project.clutter(copy.path)
        for name, text in self.files.items():
            copy.write(name, text)
        return copy

    @cached_property
    def result(self) -> BuildResult:
        """The build of the answer, shown live. Raises the errors of `helpers.buildx.build`."""
        with live.watcher("your answer") as watch:
            return self.built("", watch=watch)

    @cached_property
    def after_an_edit(self) -> BuildResult:
        """The next build, after a line was added to a source file."""
        return self.rebuilt_with(self.project.source, _edit())

    @cached_property
    def two_releases(self) -> tuple[BuildResult, BuildResult]:
        """Two builds with a change of the source between them; no cache knows the first one.

        A step that was built several times without the cache has several results in BuildKit's cache.
        The next build may take any of them, so that layers would differ without a change.
        """
        version = f"1.0.0-{secrets.token_hex(4)}"  # npm writes it into node_modules, too
        for name in ("package.json", "package-lock.json"):
            file = self.copy.path / name
            settings = json.loads(file.read_text(encoding="utf-8"))
            file.write_text(json.dumps({**settings, "version": version}), encoding="utf-8")
        first = self.built("-first")
        return first, self.rebuilt_with(self.project.source, _edit())

    def rebuilt_with(self, file: str, addition: str) -> BuildResult:
        """Build again with a line added to a file; the file then gets its old text back."""
        _ = self.result
        path = self.copy.path / file
        text = path.read_text(encoding="utf-8")
        path.write_text(text + addition, encoding="utf-8")
        try:
            return self.built("-edited")
        finally:
            path.write_text(text, encoding="utf-8")

    def stage(self, target: str) -> BuildResult:
        """Return the build of one stage, which is made only once."""
        if target not in self._stages:
            self._stages[target] = self.built(f"-{target}", target=target)
        return self._stages[target]

    def built(
        self,
        suffix: str,
        *,
        target: str | None = None,
        build_args: Mapping[str, str] | None = None,
        watch: Watcher | None = None,
    ) -> BuildResult:
        """Build the answer under a name with this suffix; ``build_args`` add to the project's own."""
        path = self.copy.path
        request = Request(
            path / "Dockerfile",
            path,
            f"workbook/exercise-{self.name.replace('_', '-')}{suffix}",
            target=target,
            build_args={**self.project.build_args, **(build_args or {})},
            extra=self._secrets(),
        )
        result = buildx.build(request, watch)
        self._stack.callback(_remove, result)
        return result

    @contextlib.contextmanager
    def running(self, result: BuildResult | None = None) -> Iterator[Running]:
        """Run a container of the answer, or of another of its builds.

        Raises `ContainerError` when the service does not answer.
        """
        built = result or self.result
        with containers.running(built.image_id, engine=built.engine) as api:
            yield api

    def _secrets(self) -> tuple[str, ...]:
        """Write the secrets outside the build context, and return the arguments that name them."""
        arguments: list[str] = []
        for name, text in self.project.secrets.items():
            file = self.copy.path.parent / f"{name}.secret"
            file.write_text(text, encoding="utf-8")
            arguments += ["--secret", f"id={name},src={file}"]
        return tuple(arguments)


def _edit() -> str:
    """Return a line of source that no build has seen, so that its result is not in the cache yet."""
    return f'\nObject.assign(globalThis, {{ edited: "{secrets.token_hex(8)}" }});\n'


def _remove(result: BuildResult) -> None:
    """Remove the answer's image; its steps stay in the build cache."""
    from docker.errors import APIError, ImageNotFound

    with contextlib.suppress(ImageNotFound, APIError):
        result.engine.client.images.remove(result.tag)
