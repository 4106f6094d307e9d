"""The verbs of lesson 07: draw the graph of the stages, build a target, and get into a container.

`buildx.stage_graph`, `engine.sidecar` and `measure.stages` do the work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from helpers import engine, plots
from helpers.buildx import BuildError, BuildResult, live, stage_graph, step_log
from helpers.buildx import dockerfile as dockerfiles
from helpers.buildx.stage_graph import StageGraph
from helpers.engine import Running, sidecar
from helpers.engine import container as containers
from helpers.engine.sidecar import PTRACE, Said
from helpers.host import processes, tables
from helpers.host.errors import stoppable
from helpers.lesson import verbs
from helpers.measure import shutdown, stages
from helpers.measure.stages import DIST, NODE, SHELLS, Baked
from helpers.measure.stages import all_four as all_four  # the lesson calls these directly
from helpers.measure.stages import shells as shells
from helpers.measure.stages import workbench as workbench
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd

_COMPARED = ("base image", "C library", "starts with")
_DURATION = re.compile(r" \([\d.]+ms\)$")
_INSPECTOR = "127.0.0.1:9229"
_PATIENCE = 10.0  # seconds until Node's inspector listens


@dataclass(frozen=True)
class Attempt:
    """A build that was tried: its result, or the error that stopped it."""

    name: str
    target: str
    result: BuildResult | None
    error: BuildError | None

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """The attempt in words: file, target, outcome, where it stopped, what it said."""
        if self.error is None:
            return self.name, self.target, "an image", "", ""
        step = self.error.step
        where = f"{step.stage}: {step.instruction}" if step else "before it began"
        return (
            self.name,
            self.target,
            "no image",
            where,
            _DURATION.sub("", step_log.telling(self.error.log)),
        )

    def __repr__(self) -> str:
        *_, outcome, where, said = self.row
        return f"{self.target}: {outcome}" + (f"; stopped in {where}; {said}" if where else "")


@dataclass(frozen=True)
class Transcript:
    """The input and output of a sidecar; ``opened`` is the command that starts it."""

    opened: str
    lines: tuple[Said, ...]

    def __repr__(self) -> str:
        parts = [f"$ {self.opened}"]
        for said in self.lines:
            parts += [f"# {said.command}", said.output.rstrip() or f"(nothing; exit code {said.code})"]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        return f'<pre style="white-space:pre-wrap">{escape(repr(self))}</pre>'


# The graph


def graph(name: str, target: str | None = None) -> Chart:
    """Draw the stages of a Dockerfile for a target, its last stage by default."""
    found = _graph(name, target)
    caption = f"Read from the Dockerfile {name}; nothing was built for this picture"
    return plots.stages(found.nodes_frame(), found.edges_frame(), caption=caption)


def needs(name: str, *targets: str) -> pd.DataFrame:
    """Return one row for each stage: whether a build of each target runs it, according to the graph."""
    import pandas as pd

    graphs = [_graph(name, target) for target in targets]
    rows = {
        node.name: [_runs(node.name not in found.skipped) for found in graphs]
        for node in graphs[0].nodes
        if node.is_stage
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=[f"target {t}" for t in targets])
    return frame.rename_axis("stage").reset_index()


def ran(result: BuildResult) -> pd.DataFrame:
    """Return one row for each stage: what the graph says, and what the build's steps did.

    A stage with only cached steps may be missing, so build without the cache.
    """
    found = stage_graph.graph(result.dockerfile, result.request.target)
    seen = [step.stage for step in result.steps if not step.internal]
    rows = [
        (node.name, _runs(node.needed), _runs(node.name in seen), seen.count(node.name))
        for node in found.nodes
        if node.is_stage
    ]
    return tables.frame(rows, columns=["stage", "the graph says", "in the build it", "steps"])


def _graph(name: str, target: str | None) -> StageGraph:
    return stage_graph.graph(dockerfiles.parse(verbs.text(name)), target)


def _runs(runs: bool) -> str:
    return "runs" if runs else "is skipped"


# Builds that may fail


def attempt(name: str, target: str | None = None) -> Attempt:
    """Build a target live; a build that fails is an outcome here, not an error of the lesson."""
    reached = _graph(name, target).target
    try:
        return Attempt(name, reached, verbs.build(name, target=target), None)
    except BuildError as error:
        if error.step is None:
            raise
        return Attempt(name, reached, None, error)


def outcomes(*attempts: Attempt) -> pd.DataFrame:
    """Return one row for each attempt: target, whether there is an image, where and why it stopped."""
    columns = ["Dockerfile", "target", "outcome", "stopped in", "what it said"]
    return tables.frame([attempt.row for attempt in attempts], columns=columns)


def run_in(result: BuildResult, script: str) -> Transcript:
    """Run a line of shell in a new container of an image; the container is removed afterwards."""
    return Transcript(f"docker run --rm -it {result.tag} sh", (stages.run_in(result, script),))


def in_debugger(failed: Attempt, script: str) -> Transcript | str:
    """Let a build fail again in buildx's debugger, and run a line of shell where it stopped.

    When this buildx has no debugger, a sentence that says so is returned.
    """
    request = verbs.request(failed.name, target=failed.target)
    try:
        opened, said = stages.in_debugger(request, script, engine.find())
    except BuildError as error:
        return str(error)
    return Transcript(opened, (said,))


@stoppable("The bake was stopped at your request; the steps that had ended stay in the cache.")
@engine.in_touch()
def bake(*names: str, cold: bool = False) -> Baked:
    """Build several targets of the sample app's bake file live, with one command."""
    tags = {name: verbs.request(name).tag for name in names}
    with live.watcher("bake " + " ".join(names)) as watch:
        return stages.bake(tags, verbs.app().path, engine.find(), watch, cold=cold)


def compare_bake(apart: Sequence[BuildResult], baked: Baked) -> pd.DataFrame:
    """Return what separate builds did beside one bake of the same targets."""
    steps = [step for result in apart for step in result.steps]
    rows = [
        (
            "one build after another",
            len(apart),
            stages.npm_installs(steps),
            sum(r.seconds for r in apart),
        ),
        ("one bake", 1, stages.npm_installs(baked.steps), baked.seconds),
    ]
    return tables.frame(rows, columns=["how", "commands", "npm ci ran", "seconds"])


def same_image(one: BuildResult, other: BuildResult) -> bool:
    """Whether two builds gave the same image, by its id."""
    return one.image_id == other.image_id


# Into a container


def exec_probe(*results: BuildResult) -> pd.DataFrame:
    """Return whether ``docker exec`` starts each shell, and Node itself, in each image's container."""
    rows = []
    for result in results:
        with stages.serving(result) as api:
            commands = [[shell, "-c", "true"] for shell in SHELLS]
            commands.append([NODE if _starts(api, NODE, "-v") else "node", "-v"])
            rows += [
                (verbs.label(result), words[0], "starts" if _starts(api, *words) else "does not start")
                for words in commands
            ]
    return tables.frame(rows, columns=["container of", "docker exec …", "result"])


def _starts(api: Running, *command: str) -> bool:
    return api.execute(*command)[0] == 0


def in_sidecar(
    result: BuildResult, *scripts: str, user: str = "", capabilities: Sequence[str] = (PTRACE,)
) -> Transcript:
    """Run an image, start a sidecar beside it, and run ``scripts`` there; both are then removed."""
    with (
        stages.serving(result) as api,
        stages.sidecar(api, result.engine, user, capabilities) as side,
    ):
        return Transcript(side.command, tuple(side.run(script) for script in scripts))


def who_sees(*results: BuildResult) -> pd.DataFrame:
    """Return for each image whether a sidecar sees the app's files, by its user and its capability."""
    rows = []
    for result in results:
        with stages.serving(result) as api:
            own = stages.identity(api, result.engine)
            for user, capabilities in (("0:0", ()), ("0:0", (PTRACE,)), (own, ())):
                seen = stages.sees_files(api, result.engine, user, capabilities)
                power = " ".join(capabilities) or "none"
                rows.append((verbs.label(result), own, user, power, "yes" if seen else "no"))
    columns = ["image", "app runs as", "sidecar runs as", "sidecar's capability", "sees the files"]
    return tables.frame(rows, columns=columns).drop_duplicates(ignore_index=True)


def take_out(result: BuildResult, path: str = DIST) -> pd.DataFrame:
    """Return the files that ``docker cp`` fetches from a running container, and their bytes."""
    with stages.serving(result) as api:
        return _listing(sidecar.copy_out(api.container, path))


@dataclass(frozen=True)
class Crash:
    """A container that stopped by itself: its exit code, the end of its log, its files."""

    code: int
    log: tuple[str, ...]
    files: Mapping[str, bytes]

    def listing(self) -> pd.DataFrame:
        """Return the files and their bytes."""
        return _listing(self.files)

    def __repr__(self) -> str:
        return "\n".join([f"stopped with exit code {self.code}; its log ends:", *self.log])


def crash(result: BuildResult, path: str = DIST, **environment: str) -> Crash:
    """Run an image until it stops, and take its log and the files under ``path`` out of it."""
    with sidecar.stopped(result.image_id, environment=environment, engine=result.engine) as dead:
        files = sidecar.copy_out(dead, path)
        return Crash(sidecar.exit_code(dead), tuple(sidecar.last_words(dead)), files)


def _listing(files: Mapping[str, bytes]) -> pd.DataFrame:
    rows = [(path, len(content)) for path, content in files.items()]
    return tables.frame(rows, columns=["file", "bytes"])


def after_a_crash(result: BuildResult, **environment: str) -> pd.DataFrame:
    """Return which ways in work while a container runs, and after ``environment`` made it stop."""
    with stages.serving(result) as api:
        alive = stages.still_open(api.container, result.engine)
    with sidecar.stopped(result.image_id, environment=environment, engine=result.engine) as dead:
        gone = stages.still_open(dead, result.engine)
    rows = [(way, _works(works=alive[way]), _works(works=gone[way])) for way in alive]
    return tables.frame(rows, columns=["way", "while it runs", "after it stopped"])


def _works(*, works: bool) -> str:
    return "works" if works else "does not work"


def inspector(result: BuildResult, expression: str) -> Transcript:
    """Start Node's inspector in a running container, and evaluate an expression from a sidecar."""
    typed = f"(sleep 3; echo \"exec('{expression}')\"; sleep 2) | node inspect {_INSPECTOR}"
    with stages.serving(result) as api, stages.sidecar(api, result.engine) as side:
        api.container.kill(signal="SIGUSR1")
        processes.wait_for(lambda: side.run(f"wget -qO- {_INSPECTOR}/json/version").code == 0, _PATIENCE)
        said = side.run(typed)
    clean = "".join(letter for letter in said.output if letter.isprintable() or letter == "\n")
    return Transcript("docker kill --signal SIGUSR1 app", (Said(typed, said.code, clean),))


# How it stops


def stopping(*results: BuildResult) -> pd.DataFrame:
    """Stop each image while it answers requests, once for each way to start the app in it.

    Returns one row for each stop: the program that was process 1, the seconds of ``docker stop``, the
    exit code, and the number of accepted requests without an answer.
    """
    names = {result.tag: verbs.label(result) for result in results}
    rows = [
        (names[tag], way, stop.first_process, round(stop.seconds, 1), stop.exit_code, stop.cut)
        for tag, way, stop in shutdown.stop_each(list(names), results[0].engine)
    ]
    columns = ["image", "started with", "process 1", "docker stop, s", "exit code", "requests cut off"]
    return tables.frame(rows, columns=columns)


# The figures behind the verdicts


def tried(ways: Mapping[str, bool]) -> pd.DataFrame:
    """Return the ways in as a table."""
    rows = [(way, _works(works=worked)) for way, worked in ways.items()]
    return tables.frame(rows, columns=["way in", "on this machine it"])


def compare(builder: BuildResult, runner: BuildResult) -> pd.DataFrame:
    """Return the traits of two images of one file, side by side."""
    import pandas as pd

    columns = {
        name: {"base image": verbs.final_base(result), **stages.traits(result)}
        for name, result in (("builder", builder), ("runner", runner))
    }
    return pd.DataFrame(columns).rename_axis("what")


def differences(builder: BuildResult, runner: BuildResult) -> list[str]:
    """Return the traits in which the builder differs from the runner, apart from their files."""
    columns = compare(builder, runner).to_dict()
    return [what for what in _COMPARED if columns["builder"][what] != columns["runner"][what]]


def answers(*results: BuildResult) -> pd.DataFrame:
    """Return whether each image's container serves the API, and its output when it does not."""
    rows = []
    for result in results:
        served, said = stages.answer(result)
        words = said.rpartition(containers.SAYS)[2]
        rows.append((verbs.label(result), "yes" if served else "no", words))
    return tables.frame(rows, columns=["image", "answers", "its last words"])


def is_blind(builder_and_runner: pd.DataFrame) -> bool:
    """Whether a fault showed in the runner but not in the builder, by the table of `answers`."""
    return list(builder_and_runner["answers"]) == ["yes", "no"]
