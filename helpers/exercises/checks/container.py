"""Checks of the container: whether it answers, with what, and whether it is healthy."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping

from helpers.engine import ContainerError, Running
from helpers.engine import container as containers
from helpers.exercises.attempt import Attempt
from helpers.exercises.checks.model import Check
from helpers.measure import sample, surface
from helpers.measure.sample import SampleError

_HEALTH_SECONDS = 40.0


def answers(
    conversation: Callable[[Running], object] = sample.prove,
    clues: Mapping[str, str] | None = None,
    target: str | None = None,
) -> Check:
    """Ask that the app works: ``conversation`` uses it, and raises when an answer is wrong.

    ``target`` names the stage of the app; the default is the last stage.
    """

    def trial(attempt: Attempt) -> str | None:
        try:
            with attempt.running(attempt.stage(target) if target else None) as api:
                conversation(api)
        except (ContainerError, SampleError) as error:
            return str(error)
        return None

    hint = "Read the error: what does the container miss that the builder had?"
    return Check(f"{target or 'The app'} answers in its container", hint, trial, clues or {})


def becomes_healthy() -> Check:
    """Ask that the engine reports the container as healthy."""

    def trial(attempt: Attempt) -> str | None:
        with attempt.running() as api:
            if surface.health(api) == surface.NO_CHECK:
                return "The image has no health check."
            try:
                surface.await_health(api, surface.HEALTHY, _HEALTH_SECONDS)
            except ContainerError as error:
                return str(error)
        return None

    hint = "HEALTHCHECK runs in the container: which program is there to ask /healthz with?"
    return Check("The engine reports the container as healthy", hint, trial)


def tells_its_release() -> Check:
    """Ask that ``/healthz`` returns the release that the build got as the argument ``RELEASE``."""

    def trial(attempt: Attempt) -> str | None:
        release = f"r-{secrets.token_hex(4)}"
        result = attempt.built("-release", build_args={"RELEASE": release})
        try:
            with attempt.running(result) as api:
                told = api.request("GET", "/healthz").body["release"]
        except ContainerError as error:
            return str(error)
        return None if told == release else f"Built as {release}, it says {told}."

    hint = "An ARG is there for the build only; ENV hands its value on to the container."
    return Check("The container tells the release that it was built as", hint, trial)


def trusts_authorities() -> Check:
    """Ask that the Go program finds the authorities by which it can check whom it calls over https."""

    def trial(attempt: Attempt) -> str | None:
        result = attempt.result
        entry = () if result.image.config.get("Entrypoint") else ("/server",)
        try:
            ran = containers.finished(result.image_id, *entry, "outside", engine=result.engine)
            found = json.loads(ran.output)["certificates"]
        except (ContainerError, ValueError) as error:
            return f"Its program does not run `outside`: {error}"
        return None if found else "It trusts nobody: no file with authorities is there."

    hint = "A program finds the authorities in a file of the system. Which system is there in scratch?"
    return Check("It can check whom it calls over https", hint, trial)
