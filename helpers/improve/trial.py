"""Try one proposed change after the other: build, run, compare, measure; keep what is proven and gains.

Each change is built on top of those already kept. The project is only read: the Dockerfile and its
ignore file lie in a temporary folder, and the context is sent from where it is.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from helpers import buildx
from helpers import engine as engines
from helpers.bases.bases import BaseError
from helpers.buildx import BuildError, BuildResult, Request, Watcher
from helpers.buildx import context as contexts
from helpers.engine import ContainerError, Engine, EngineError, leftovers
from helpers.examine import Project, gather, rebuild
from helpers.host import paths, tables, unforeseen
from helpers.host.errors import StoppedByReaderError, WorkbookError, redacted_within, stoppable
from helpers.image import attack_surface, npm_packages
from helpers.improve import patch, rules
from helpers.improve.draft import Change, Draft, Seen
from helpers.improve.observe import Wishes
from helpers.improve.proof import Proof
from helpers.improve.report import Figures, Improvement, Outcome, Step

TAG = "workbook/improved"
MINUTES = 10.0
_STOPPED = "The improvement was stopped at your request; nothing of it is left, and nothing was changed."
_WORTH = 50_000  # bytes that a change must save if it gains nothing else
_WORTH_OF_A_STAGE = 500_000  # bytes that a second stage must save
_WORTH_OF_A_BASE = 0.05  # share of the image that another C library must save
# What is tried also where a start that fails loads packages: the system and the user stay the same.
_SAME_SYSTEM = ("second-stage", "slim-", "production-install", "prune-before-copy")
_NO_GAIN = "By what was measured, it gains too little."
_OFTEN_SAID = {"production", "development", "localhost", "0.0.0.0", "127.0.0.1"}  # noqa: S104

Watching = Callable[[str], AbstractContextManager[Watcher]]


@unforeseen.told()
def improve(
    project: Project,
    *,
    probes: Sequence[str] = (),
    check: str | None = None,
    environment: Mapping[str, str] | None = None,
    minutes: float = MINUTES,
    watching: Watching | None = None,
    engine: Engine | None = None,
) -> Improvement:
    """Propose changes to a project's Dockerfile, prove each by building and running it, return a patch.

    ``probes`` are requests such as ``GET /path``, sent beside ``/`` and the health check's; ``check`` is
    a command that must pass in the container; ``environment`` is what the start needs. After ``minutes``
    no further change is tried. ``watching`` returns a watcher for a build's title. The images before and
    after stay as ``workbook/improved:before`` and ``:after``. Raises `DockerfileError` for what is no
    Dockerfile, `WorkbookError` for a probe that cannot be read, `EngineError` without an engine, and
    `StoppedByReaderError`. Credentials, and the values of ``environment``, stay out of the result.
    """
    wishes = Wishes(tuple(map(_probe, probes)), check or "", dict(environment or {}))
    with stoppable(_STOPPED):
        engine = engine or engines.find()
        with paths.temporary() as folder:
            trial = _Trial(
                project, wishes, minutes, watching or (lambda _: nullcontext(_quiet)), engine, folder
            )
            try:
                found = trial.run()
                if not found.failure:
                    trial.publish("before", "after")
            finally:
                trial.remove("before", "after", "trial", "again")
    return _hidden(_without_credentials(found), wishes)


def _quiet(_: object) -> None:
    return


def _probe(given: str) -> tuple[str, str]:
    found = re.fullmatch(r"\s*(?:([A-Za-z]+)\s+)?(/\S*)\s*", given)
    if not found:
        raise WorkbookError(f"The probe {given!r} must read METHOD /path, such as `GET /health`.")
    return (found[1] or "GET").upper(), found[2]


class _Trial:
    """One improvement: the drafts, the images, the time that is left."""

    def __init__(
        self,
        project: Project,
        wishes: Wishes,
        minutes: float,
        watching: Watching,
        engine: Engine,
        folder: Path,
    ) -> None:
        self._project, self._wishes, self._engine = project, wishes, engine
        self._watching, self._folder = watching, folder
        self._begun, self._ends = time.monotonic(), time.monotonic() + minutes * 60
        self._minutes, self._builds = minutes, 0
        self._steps: list[Step] = []
        self._made: set[str] = set()
        self._bytes = 0  # of the image as it was

    def run(self) -> Improvement:
        draft = self._read()
        try:
            before = self._build(draft, "before", "as it is")
        except StoppedByReaderError:
            raise
        except (BuildError, BaseError) as error:
            return self._report(draft, draft, None, None, None, f"It does not build as it is: {error}")
        try:
            proof = self._proof(draft, before)
        except ContainerError as error:
            return self._report(draft, draft, None, None, None, f"It does not start as it is: {error}")
        if proof.first.check:
            why = f"The check fails in the image as it is, with code {proof.first.check}."
            return self._report(
                draft, draft, None, None, None, f"{why} {proof.first.check_output.strip()[-200:]}"
            )
        first = self._figures(before)
        self._bytes = first.uncompressed_bytes
        first = dataclasses.replace(first, rebuild_seconds=self._rebuild(before, draft))
        original, last, figures = draft, before, first
        draft = dataclasses.replace(draft, seen=self._seen(before, proof))
        for proposer in rules.ORDER:
            change = proposer(draft)
            if change is None or self._is_variant(change):
                continue
            tried = self._try(change, last, figures, proof)
            if tried is not None:
                last, figures = tried
                seen = self._seen(last, proof)
                draft = dataclasses.replace(change.draft, seen=seen)
        if last is not before and time.monotonic() < self._ends:
            figures = dataclasses.replace(figures, rebuild_seconds=self._rebuild(last, draft))
        self._keep(last.image_id)
        return self._report(original, draft, first, figures, proof, "", before.conditions)

    def publish(self, *names: str) -> None:
        """Give images of this trial the names that readers know, and let go what had them."""
        for name in names:
            known = f"{TAG}:{name}"
            replaced = buildx.id_of(known, self._engine)
            self._engine.client.images.get(self._tag(name)).tag(TAG, name)
            if replaced:
                leftovers.remove_nameless(replaced, self._engine)

    def _keep(self, image: str) -> None:
        self._engine.client.images.get(image).tag(*self._tag("after").split(":"))

    def remove(self, *names: str) -> None:
        """Remove this trial's names of images, and its images that have no other name."""
        for name in names:
            leftovers.remove(self._tag(name), self._engine)
        for image in self._made:
            leftovers.remove_nameless(image, self._engine)

    def _tag(self, name: str) -> str:
        """Return a tag with this process's number, so that two trials do not meet."""
        return f"{TAG}:{name}-{os.getpid()}"

    def _read(self) -> Draft:
        sources = gather.read(self._project, self._engine)
        if sources.survey is None:
            raise WorkbookError(sources.trouble)
        ignore = contexts.ignore_file(self._project.context, self._project.dockerfile)
        texts = [_text(self._project.dockerfile), _text(ignore) if ignore else ""]
        return Draft(self._project, texts[0], texts[1], sources.survey, None, self._engine.architecture)

    def _build(self, draft: Draft, name: str, title: str, *, cold: bool = False) -> BuildResult:
        self._builds += 1
        folder = self._folder / str(self._builds)
        folder.mkdir()
        file = folder / "Dockerfile"
        file.write_bytes(draft.text.encode())
        if draft.ignore:
            (folder / "Dockerfile.dockerignore").write_bytes(draft.ignore.encode())
        request = Request(
            dockerfile=file,
            context=self._project.context,
            tag=self._tag(name),
            target=self._project.target,
            build_args=self._project.build_args,
            cold=cold,
            extra=self._project.extra,
            parsed=draft.file,
        )
        with self._watching(f"{self._project.name}: {title}") as watch:
            result = buildx.build(request, watch, self._engine)
        self._made.add(result.image_id)
        return result

    def _proof(self, draft: Draft, before: BuildResult) -> Proof:
        built = False

        def again() -> str | None:
            nonlocal built
            if built or time.monotonic() > self._ends:
                return None
            built = True
            return self._build(draft, "again", "as it is, once more", cold=True).image_id

        settings = before.image.config
        return Proof(before.image_id, settings, self._wishes, _tools(before), self._engine, again)

    def _try(
        self, change: Change, before: BuildResult, last: Figures, proof: Proof
    ) -> tuple[BuildResult, Figures] | None:
        """Try a change and note its outcome; return the image and its figures when it is kept."""
        if time.monotonic() > self._ends:
            self._note(change, Outcome.NOT_TRIED, f"The {self._minutes:g} minutes were used up.")
            return None
        by_packages = bool(proof.loaded) and change.rule.startswith(_SAME_SYSTEM)
        if change.takes_away and not proof.lasted and not by_packages:
            self._note(
                change,
                Outcome.NOT_TRIED,
                "Its start ends with an error or without a word, so little would be proven.",
            )
            return None
        try:
            made = self._build(change.draft, "trial", f"change {len(self._steps) + 1}, {change.rule}")
            same = made.image_id == before.image_id  # the very image that was run already
            why = "" if same else proof.against(made.image_id, made.image.config)
            if not why and not proof.lasted:
                why = _missed(change.draft, before, made)
        except StoppedByReaderError:
            raise
        except BaseError as error:
            self._note(change, Outcome.NOT_TRIED, str(error))
            return None
        except EngineError:
            raise
        except WorkbookError as error:
            self._note(change, Outcome.DROPPED, str(error))
            return None
        if why:
            self._note(change, Outcome.DROPPED, f"{why[0].upper()}{why[1:]}.".replace("..", "."))
            return None
        figures = self._figures(made)
        larger = figures.uncompressed_bytes - self._bytes
        if larger > _WORTH and figures.uncompressed_bytes > last.uncompressed_bytes:
            why = f"It was alike, but the image would be {tables.in_units(larger)} larger than as it is"
            self._note(change, Outcome.DROPPED, f"{why}; the choice is yours.", figures)
            return None
        gained = _gain(change, last, figures)
        if not gained:
            self._note(change, Outcome.DROPPED, _NO_GAIN, figures)
            return None
        self._keep(made.image_id)
        self._note(change, Outcome.KEPT, gained, figures)
        return made, figures

    def _is_variant(self, change: Change) -> bool:
        """Whether it is another form of a change that could not be tried, or had nothing to gain."""
        done = [s.rule for s in self._steps if s.outcome is Outcome.NOT_TRIED or s.why == _NO_GAIN]
        return any(change.rule.startswith(f"{rule}-") for rule in done)

    def _note(self, change: Change, outcome: Outcome, why: str, figures: Figures | None = None) -> None:
        self._steps.append(Step(change.rule, change.reason, change.lines, outcome, why, figures))

    def _figures(self, result: BuildResult) -> Figures:
        image = result.image
        return Figures(
            uncompressed_bytes=image.uncompressed_bytes,
            compressed_bytes=image.compressed_bytes,
            packages=len(image.packages.packages),
            shells=len(attack_surface.shells(image.files)),
            user=str(image.config.get("User") or "root"),
        )

    def _rebuild(self, result: BuildResult, draft: Draft) -> float | None:
        """Return the seconds of a build after an edit; None where there is nothing to edit."""
        try:
            with self._watching(f"{self._project.name}: one source file edited") as watch:
                return rebuild.measure(result, draft.file, draft.survey, watch).seconds
        except StoppedByReaderError:
            raise
        except (WorkbookError, OSError):
            return None

    def _seen(self, result: BuildResult, proof: Proof) -> Seen:
        base = result.dockerfile.lineage(self._project.target)[0].base
        used = [one.reference for one in result.bases if one.name == base]
        layers = sum(layer.from_base for layer in result.image.facts(used).layers)
        return Seen(
            settings=result.image.config,
            files=tuple(result.image.files),
            base_layers=layers,
            ports=proof.first.ports,
            wrote=proof.first.wrote,
        )

    def _report(
        self,
        original: Draft,
        draft: Draft,
        before: Figures | None,
        after: Figures | None,
        proof: Proof | None,
        failure: str,
        conditions: str = "",
    ) -> Improvement:
        folder, changed = _changed(self._project, original, draft)
        return Improvement(
            project=self._project.name,
            dockerfile=self._project.file,
            before=before,
            after=after,
            steps=tuple(self._steps),
            proof=proof.rests_on() if proof else "",
            notes=tuple(proof.notes()) if proof else (),
            folder=str(folder),
            patch=patch.text_of(changed),
            files={file.path: file.after for file in changed},
            seconds=time.monotonic() - self._begun,
            builds=self._builds,
            conditions=conditions,
            failure=failure,
        )


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        raise WorkbookError(
            f"{file} is not in UTF-8, so no line of it can be changed; save it so."
        ) from None
    except OSError as error:
        raise WorkbookError(f"{file} cannot be read: {error.strerror}.") from None


def _changed(project: Project, original: Draft, draft: Draft) -> tuple[Path, list[patch.ChangedFile]]:
    """Return the folder of the patch, and the files that change."""
    ignore = contexts.ignore_file(project.context, project.dockerfile)
    texts = [(project.dockerfile, original.text, draft.text)]
    texts.append((ignore or project.context / ".dockerignore", original.ignore, draft.ignore))
    folder = Path(os.path.commonpath([project.dockerfile.parent, project.context]))
    return folder, [
        patch.ChangedFile(file.relative_to(folder).as_posix(), old if file.exists() else None, new)
        for file, old, new in texts
        if old != new
    ]


def _missed(draft: Draft, before: BuildResult, after: BuildResult) -> str:
    """Return which package is gone that a source asks for, in a phrase; "" for none."""
    gone = _packages(before) - _packages(after)
    asked = sorted(gone & draft.asked_for())
    return f"a source asks for {', '.join(asked[:4])}, which is gone" if asked else ""


def _packages(result: BuildResult) -> set[str]:
    files = npm_packages.package_files(file.path for file in result.image.files)
    return {posixpath.dirname(path).rpartition("node_modules/")[2] for path in files}


def _tools(result: BuildResult) -> str:
    """Return an image with a shell: the one that was built, or one of its bases; "" for none."""
    if attack_surface.resolve(result.image.files, "/bin/sh"):
        return result.image_id
    for base in result.bases:
        if not re.search("distroless", base.name):
            return base.reference
    return ""


def _gain(change: Change, last: Figures, now: Figures) -> str:
    """Return what a change gained, in a phrase; "" for nothing."""
    saved = last.uncompressed_bytes - now.uncompressed_bytes
    if change.rule == "alpine-base" and saved < last.uncompressed_bytes * _WORTH_OF_A_BASE:
        return ""
    if change.rule.startswith("second-stage") and saved < _WORTH_OF_A_STAGE:
        return ""
    parts = [f"{tables.in_units(saved)} less on disk"] if saved >= _WORTH else []
    if saved <= -_WORTH and change.gains:
        parts = [f"{tables.in_units(-saved)} more on disk"]
    parts += [change.gains] if change.gains else []
    return "; ".join(parts)


def _without_credentials(found: Improvement) -> Improvement:
    """Return the result without credentials; the new files stay as they are, since they are written.

    A patch whose lines hold a credential is left out, because no other patch would fit the file.
    """
    clean = redacted_within(found)
    if clean.patch == found.patch:
        return dataclasses.replace(clean, files=found.files)
    note = (
        "The patch is left out, because its lines hold a credential; --out and --apply write the files."
    )
    return dataclasses.replace(clean, files=found.files, patch="", notes=(*clean.notes, note))


def _hidden(found: Improvement, wishes: Wishes) -> Improvement:
    """Return the result without the values of the start's environment."""
    values = [v for v in wishes.environment.values() if len(v) >= 6 and v not in _OFTEN_SAID]

    def hide(text: str) -> str:
        for value in sorted(values, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    return dataclasses.replace(
        found,
        steps=tuple(dataclasses.replace(step, why=hide(step.why)) for step in found.steps),
        notes=tuple(map(hide, found.notes)),
        proof=hide(found.proof),
        failure=hide(found.failure),
    )
