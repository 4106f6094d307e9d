"""Checks of further builds: what runs again after a change, what moves, and what stops a build."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping

from helpers.buildx import BuildError, BuildResult
from helpers.buildx.steps import INSTALLS
from helpers.engine import ContainerError, ImageError
from helpers.exercises.attempt import Attempt
from helpers.exercises.checks.model import Check


def keeps_the_install() -> Check:
    """Ask that a change of a source file does not run npm's install again."""

    def trial(attempt: Attempt) -> str | None:
        again = _ran(attempt.after_an_edit, INSTALLS)
        return f"It ran again: {again[0]}." if again else None

    hint = "A step runs again when anything above it changed. What stands above the install?"
    return Check("After a change of the source, the install comes from the cache", hint, trial)


def keeps_the_build_of_a_release() -> Check:
    """Ask that another value of the argument ``RELEASE`` runs no ``RUN`` step again."""

    def trial(attempt: Attempt) -> str | None:
        _ = attempt.result
        next_one = attempt.built("-release", build_args={"RELEASE": f"r-{secrets.token_hex(4)}"})
        again = _ran(next_one, re.compile(r"^RUN "))
        return f"It ran again: {again[0]}." if again else None

    hint = "An ARG belongs to every RUN below it, used or not. How far down may it stand?"
    return Check("Another release number runs no RUN again", hint, trial)


def keeps_steps_apart(edits: Mapping[str, str], steps: Mapping[str, str]) -> Check:
    """Ask that a change of one file leaves the step in the cache that does not read it.

    ``edits`` are texts to add, by file; ``steps`` the text of the step that must not run, by file.
    """

    def trial(attempt: Attempt) -> str | None:
        for file, addition in edits.items():
            fresh = addition.replace("NEW", secrets.token_hex(4))
            again = _ran(attempt.rebuilt_with(file, fresh), re.compile(re.escape(steps[file])))
            if again:
                return f"After a change of {file} it ran again: {again[0]}."
        return None

    hint = "In one stage a line always stands below another. Two stages do not stand on each other."
    told = " or of ".join(edits)
    return Check(f"After a change of {told}, only the step that reads it runs", hint, trial)


def draws_only_the_new_chart(report: str) -> Check:
    """Ask that one more station makes the build draw one chart; ``report`` counts the charts."""

    def trial(attempt: Attempt) -> str | None:
        line = f"new-{secrets.token_hex(4)},0.5,3.0\n"
        result = attempt.rebuilt_with("stations.csv", line)
        try:
            drawn = json.loads(result.image.read(report))["drawn"]
        except ImageError as error:
            return str(error)
        return None if drawn == 1 else f"{drawn} were drawn."

    hint = "Which folder must outlive the step, and which step writes into it?"
    return Check("With one station more, one chart is drawn", hint, trial)


def reruns_one_step() -> Check:
    """Ask that a change of a source file runs no more than one ``RUN`` again."""

    def trial(attempt: Attempt) -> str | None:
        again = _ran(attempt.after_an_edit, re.compile(r"^RUN "))
        return f"{len(again)} ran again, the first of them {again[0]}." if len(again) > 1 else None

    hint = "Which steps ran again, and which of them had to?"
    return Check("After a change of the source, at most one RUN runs again", hint, trial)


def stops_at_a_broken_test(file: str) -> Check:
    """Ask that a failing test stops the build; the check adds a failing test to the test file."""

    def trial(attempt: Attempt) -> str | None:
        try:
            attempt.rebuilt_with(file, "\nit('is broken on purpose', () => assert.fail('broken'));\n")
        except BuildError:
            return None
        return "It built, with a failing test inside."

    hint = "BuildKit skips a stage that nothing needs. How does the last stage come to need the tests?"
    return Check("A failing test stops the build", hint, trial)


def moves_both_stages(argument: str, base: str) -> Check:
    """Ask that one build argument changes the base of both the building and the final stage.

    The response of ``/build`` names the Node that built the app; ``/healthz`` names the Node that runs
    it.
    """

    def trial(attempt: Attempt) -> str | None:
        result = attempt.built("-moved", build_args={argument: base})
        try:
            with attempt.running(result) as api:
                built = api.request("GET", "/build").body["node"]
                runs = api.request("GET", "/healthz").body["node"]
        except ContainerError as error:
            return str(error)
        line = re.sub(r"\D*(\d+).*", r"v\1.", base)
        if built.startswith(line) and runs.startswith(line):
            return None
        return f"With {argument}={base}, Node {built} built it and Node {runs} runs it."

    hint = "An ARG before the first FROM is known to every FROM, and to nothing else."
    return Check(f"`--build-arg {argument}={base}` moves both stages", hint, trial)


def shares_layers(first: str, second: str, kilobytes: float) -> Check:
    """Ask that a node with the target ``first`` pulls at most this for ``second`` (compressed kB)."""

    def trial(attempt: Attempt) -> str | None:
        moved, layers = _moved(attempt.stage(first), attempt.stage(second))
        return None if moved <= kilobytes else f"{moved:,.0f} kB move, in {layers} layers."

    hint = "Two stages share what was made once: a stage that both stand on. What stands above it?"
    sentence = f"A node that has {first} pulls at most {kilobytes:,.0f} kB more for {second}"
    return Check(sentence, hint, trial)


def moves_at_most(kilobytes: float) -> Check:
    """Ask that a deploy after a change of the source moves no more than this (compressed kB)."""

    def trial(attempt: Attempt) -> str | None:
        moved, layers = _moved(*attempt.two_releases)
        return None if moved <= kilobytes else f"{moved:,.0f} kB move, in {layers} layers."

    hint = "A layer moves anew when its content or anything below it in the stage changed."
    return Check(
        f"After a change of the source, a deploy moves at most {kilobytes:,.0f} kB", hint, trial
    )


def _ran(result: BuildResult, pattern: re.Pattern[str]) -> list[str]:
    """Return the steps that match the pattern and did not come from the cache."""
    texts = [step.instruction for step in result.steps if not step.internal and not step.cached]
    return [text for text in texts if pattern.search(text)]


def _moved(before: BuildResult, after: BuildResult) -> tuple[float, int]:
    """Return the compressed kB of the layers that only ``after`` has, and how many there are."""
    known = {layer.digest for layer in before.image.facts().layers}
    fresh = [x for x in after.image.facts().layers if x.digest not in known]
    return sum(layer.compressed_bytes for layer in fresh) / 1000, len(fresh)
