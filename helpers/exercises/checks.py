"""What an exercise can ask of an answer, judged by what the answer does, never by its text.

Each function makes a `Check`: a sentence that must hold, a hint for when it does not, and the trial.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from helpers import context, image, sample, secret_search, surface
from helpers.build import BuildError
from helpers.claims import MB
from helpers.container import ContainerError, Running
from helpers.exercises.attempt import Attempt
from helpers.sample import SampleError
from helpers.shared_steps import INSTALLS
from helpers.workspace import FAKE_SECRET

_HEALTH_SECONDS = 40.0


@dataclass(frozen=True)
class Check:
    """``trial`` returns None when the sentence holds, else what was found instead."""

    sentence: str
    hint: str
    trial: Callable[[Attempt], str | None]


def answers(conversation: Callable[[Running], object] = sample.prove) -> Check:
    """Ask that the app works: ``conversation`` uses it, and raises when an answer is wrong."""

    def trial(attempt: Attempt) -> str | None:
        try:
            with attempt.running() as api:
                conversation(api)
        except (ContainerError, SampleError) as error:
            return str(error)
        return None

    hint = "Read the error: what does the container miss that the builder had?"
    return Check("The app answers in its container", hint, trial)


def at_most(megabytes: float) -> Check:
    """Ask for an image of no more than that on disk (MB of 10^6 bytes)."""

    def trial(attempt: Attempt) -> str | None:
        size = attempt.result.uncompressed_bytes / MB
        return None if size <= megabytes else f"It takes {size:.0f} MB."

    hint = "What in the image does nothing while the app runs? Look at it by category."
    return Check(f"The image takes at most {megabytes:.0f} MB on disk", hint, trial)


def keeps_the_install() -> Check:
    """Ask that a change of a source file does not run npm's install again."""

    def trial(attempt: Attempt) -> str | None:
        again = [
            step.instruction
            for step in attempt.after_an_edit.steps
            if INSTALLS.search(step.instruction) and not step.cached
        ]
        return f"It ran again: {again[0]}." if again else None

    hint = "A step runs again when anything above it changed. What stands above the install?"
    return Check("After a change of the source, the install comes from the cache", hint, trial)


def rebuilds_within(seconds: float) -> Check:
    """Ask for a build, after a change of the source, that takes no more than that."""

    def trial(attempt: Attempt) -> str | None:
        took = attempt.after_an_edit.seconds
        return None if took <= seconds else f"It took {took:.1f} s."

    hint = "Which steps ran again, and which of them had to?"
    return Check(f"After a change of the source, the build takes at most {seconds:.0f} s", hint, trial)


def hides_the_secret() -> Check:
    """Ask that the fake key is nowhere in the image: no layer, no history entry, no setting."""

    def trial(attempt: Attempt) -> str | None:
        found = secret_search.search(attempt.result.image_id, FAKE_SECRET, attempt.result.engine)
        if not found.sightings:
            return None
        first = found.sightings[0]
        return f"It is in the {first.where}: {first.what} ({first.instruction})."

    hint = "What is copied and deleted later is still in the layer that copied it."
    return Check("No part of the image holds the fake key", hint, trial)


def is_not_root() -> Check:
    """Ask for a user that is neither empty nor root."""

    def trial(attempt: Attempt) -> str | None:
        result = attempt.result
        user = result.engine.client.images.get(result.image_id).attrs["Config"].get("User", "")
        return "It runs as root." if user.partition(":")[0] in ("", "0", "root") else None

    hint = "USER takes a name or a number; distroless images have a tag for it."
    return Check("The app does not run as root", hint, trial)


def has_no_shell() -> Check:
    """Ask that no shell lies in the image's file system."""

    def trial(attempt: Attempt) -> str | None:
        found = surface.shells(image.files(attempt.result.image_id, attempt.result.engine))
        return f"It holds {found[0]}." if found else None

    return Check("The image holds no shell", "Which base images have none?", trial)


def sends_at_most(kilobytes: float) -> Check:
    """Ask for a build context of no more than that (kB of 1000 bytes), by the builder's own rules."""

    def trial(attempt: Attempt) -> str | None:
        path = attempt.copy.path
        sent = context.survey(path, context.rules(path, path / "Dockerfile"))
        largest = max(sent.sent, key=lambda entry: entry.bytes)
        if sent.sent_bytes <= kilobytes * 1000:
            return None
        return f"{sent.sent_bytes / 1000:,.0f} kB are sent, the largest of it {largest.path}."

    hint = "List what the build needs; everything else in the folder can stay at home."
    return Check(f"At most {kilobytes:,.0f} kB of context are sent", hint, trial)


def stops_at_a_broken_test(file: str) -> Check:
    """Ask that the build fails with a test of the app; the test file gets one that does."""

    def trial(attempt: Attempt) -> str | None:
        try:
            attempt.rebuilt_with(file, "\nit('is broken on purpose', () => assert.fail('broken'));\n")
        except BuildError:
            return None
        return "It built, with a failing test inside."

    hint = "BuildKit skips a stage that nothing needs. How does the last stage come to need the tests?"
    return Check("A failing test stops the build", hint, trial)


def becomes_healthy() -> Check:
    """Ask that the engine reports the container as healthy."""

    def trial(attempt: Attempt) -> str | None:
        with attempt.running() as api:
            deadline = time.monotonic() + _HEALTH_SECONDS
            while time.monotonic() < deadline:
                api.container.reload()
                health = api.container.attrs["State"].get("Health")
                if health is None:
                    return "The image has no health check."
                if health["Status"] == "healthy":
                    return None
                time.sleep(0.2)
            return f"It is still {health['Status']} after {_HEALTH_SECONDS:.0f} s."

    hint = "HEALTHCHECK runs in the container: which program is there to ask /healthz with?"
    return Check("The engine reports the container as healthy", hint, trial)


def moves_at_most(kilobytes: float) -> Check:
    """Ask that, after a change of the source, no more moves in a deploy (compressed kB)."""

    def trial(attempt: Attempt) -> str | None:
        before, after = attempt.two_releases
        known = {layer.digest for layer in image.inspect(before.image_id, before.engine).layers}
        fresh = [x for x in image.inspect(after.image_id, after.engine).layers if x.digest not in known]
        moved = sum(layer.compressed_bytes for layer in fresh) / 1000
        return None if moved <= kilobytes else f"{moved:,.0f} kB move, in {len(fresh)} layers."

    hint = "A layer moves anew when its content or anything below it in the stage changed."
    return Check(
        f"After a change of the source, a deploy moves at most {kilobytes:,.0f} kB", hint, trial
    )
