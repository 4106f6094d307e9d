"""The experiments on stages: ways into a container, a build that fails, one bake of several targets.

Each is done for real, and what it means for a claim is for `helpers.claims.stages` to say.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers import bases, buildx
from helpers.buildx import BuildError, BuildResult, Request, Watcher, failure
from helpers.buildx import dockerfile as reader
from helpers.buildx.stream import Step
from helpers.engine import LABEL, ContainerError, Engine, Running, leftovers
from helpers.engine import container as containers
from helpers.engine import sidecar as sidecars
from helpers.engine.sidecar import PTRACE, Said, Sidecar
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.image import attack_surface
from helpers.measure import sample

if TYPE_CHECKING:
    from docker.models.containers import Container

TOOLS = "node:20-alpine"  # the sidecar's image
NODE = "/nodejs/bin/node"
SHELLS = ("sh", "bash")
DIST = f"{sample.APP}/dist"
BAKE_FILE = "docker-bake.hcl"
SOURCE = f"{sample.APP}/src/index.ts"
_PATIENCE = 300.0  # seconds for a reader's command, and for each answer of buildx's debugger
_TERMINAL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # codes that move the cursor or set a colour
_START = ["node", "dist/index.js"]


@contextlib.contextmanager
def serving(result: BuildResult) -> Iterator[Running]:
    """Run an image until the block ends; if its own command does not start the app, start it."""
    told = any(_START[-1] in word for word in _settings(result).get("Cmd") or ())
    options = {} if told else {"command": _START}
    with containers.running(result.image_id, engine=result.engine, options=options) as api:
        yield api


@contextlib.contextmanager
def sidecar(
    api: Running, engine: Engine, user: str = "", capabilities: Sequence[str] = (PTRACE,)
) -> Iterator[Sidecar]:
    """Run a sidecar of `TOOLS` beside a container until the block ends."""
    image_of_tools = bases.resolve([TOOLS], engine)[0].reference
    with sidecars.sidecar(
        api.container, image_of_tools, user=user, capabilities=capabilities, engine=engine
    ) as side:
        yield side


def shells(result: BuildResult) -> dict[str, bool]:
    """Return for each of `SHELLS` whether it starts in a container of an image."""
    with serving(result) as api:
        return {shell: sidecars.starts_a_shell(api.container, shell) for shell in SHELLS}


def all_four(runner: BuildResult, builder: BuildResult, debug: BuildResult) -> dict[str, bool]:
    """Try the four ways into a container without a shell; return for each whether it worked.

    The sidecar must see the process, its files and its response. ``docker cp`` must fetch a file that
    equals the image's. In the other two ways a shell must start.
    """
    script = f"{DIST}/index.js"
    inside = runner.image.read(script)
    with serving(runner) as api:
        copied = sidecars.copy_out(api.container, script)
        with sidecar(api, runner.engine) as side:
            joined = (
                _START[-1] in side.run("ps -o args").output
                and side.run(f"cat /proc/1/root{script}").output.encode() == inside
                and '"status":"ok"' in side.run("wget -qO- localhost:3000/healthz").output
            )
    return {
        "sidecar": joined,
        "docker cp": copied == {script: inside},
        "--target builder": shells(builder)["sh"],
        ":debug tag": shells(debug)["sh"],
    }


def still_open(container: Container, engine: Engine) -> dict[str, bool]:
    """Return for each way into a container whether it works in the container's present state."""
    image_of_tools = bases.resolve([TOOLS], engine)[0].reference
    return {
        "docker logs": bool(sidecars.last_words(container)),
        "docker exec … sh": sidecars.starts_a_shell(container, "sh"),
        f"docker exec … {NODE}": containers.execute(container, NODE, "-v")[0] == 0,
        "sidecar": sidecars.can_join(container, image_of_tools, engine),
        "docker cp": bool(sidecars.copy_out(container, DIST)),
    }


def identity(api: Running, engine: Engine) -> str:
    """Return the user and group of the app's process as ``uid:gid``; every user may read them."""
    with sidecar(api, engine) as side:
        return ":".join(side.run("awk '/^[UG]id:/ {print $2}' /proc/1/status").output.split())


def sees_files(api: Running, engine: Engine, user: str, capabilities: Sequence[str]) -> bool:
    """Whether a sidecar with this user and these capabilities sees the app's files."""
    with sidecar(api, engine, user, capabilities) as side:
        return side.run(f"ls /proc/1/root{DIST}/index.js").code == 0


def run_in(result: BuildResult, script: str) -> Said:
    """Run a line of shell in a new container of an image, as ``docker run --rm IMAGE sh -c`` does."""
    ended = containers.finished(
        result.image_id, "sh", "-c", script, engine=result.engine, patience=_PATIENCE
    )
    return Said(script, ended.exit_code, ended.output)


def in_debugger(request: Request, script: str, engine: Engine) -> tuple[str, Said]:
    """Let a build fail in buildx's debugger, and run a line of shell where it stopped.

    Returns the command that starts the debugger, and its output. The debugger is experimental, and reads
    its input only from a terminal. Raises `BuildError` when no debugger opens or the build does not
    fail.
    """
    import pexpect

    words = buildx.plan(request, engine)
    at = words.index("build")
    typed = [*words[:at], "debug", "--on=error", "--invoke=/bin/sh", "build", "--progress=plain"]
    environment = {**engine.process_environment(), "BUILDX_EXPERIMENTAL": "1", "TERM": "dumb"}
    child = pexpect.spawn(
        typed[0],
        [*typed[1:], *words[at + 1 :]],
        env=environment,
        encoding="utf-8",
        codec_errors="replace",
        timeout=_PATIENCE,
        dimensions=(40, 200),
    )
    try:
        child.expect("Launching interactive container")
        child.expect("[#$] ")
        child.sendline(f'{script}; echo en""ded $?')
        child.expect(r"ended (\d+)")
    except (pexpect.EOF, pexpect.TIMEOUT):
        said = str(child.before).strip().splitlines()[-1:]
        raise BuildError(
            f"buildx opened no debugger here: {''.join(said) or 'it said nothing'}."
        ) from None
    finally:
        child.close(force=True)
    output = _TERMINAL.sub("", str(child.before)).partition("\n")[2].replace("\r", "")
    return "BUILDX_EXPERIMENTAL=1 docker buildx debug --on=error --invoke=/bin/sh build .", Said(
        script, int(child.match[1]), output
    )


def workbench(builder: BuildResult) -> dict[str, bool]:
    """Return for each debugging aid whether a builder has it: a shell, npm, sources, a running app."""
    files = builder.image.files
    with serving(builder) as api:
        return {
            "a shell": sidecars.starts_a_shell(api.container, *SHELLS),
            "npm": api.execute("npm", "--version")[0] == 0,
            "the sources": files.get(SOURCE) is not None,
            "an answer over HTTP": len(sample.prove(api).rows) > 0,
        }


def answer(result: BuildResult) -> tuple[bool, str]:
    """Return whether an image's container serves the API, and its output when it does not."""
    try:
        with serving(result) as api:
            sample.prove(api)
    except ContainerError as error:
        return False, str(error)
    return True, ""


def traits(result: BuildResult) -> dict[str, str]:
    """Return an image's traits: C library, command, and whether it has a shell, npm, sources."""
    files = result.image.files
    settings = _settings(result)
    started = [*(settings.get("Entrypoint") or ()), *(settings.get("Cmd") or ())]
    has = {
        "shell": bool(attack_surface.shells(files)),
        "npm": any(path.endswith("/npm") for path in attack_surface.package_managers(files)),
        "sources": files.get(SOURCE) is not None,
        "TypeScript": files.get(f"{sample.APP}/node_modules/typescript/package.json") is not None,
    }
    return {
        "C library": c_library([file.path for file in files]),
        "starts with": " ".join(started) or "nothing",
        **{name: "yes" if there else "no" for name, there in has.items()},
    }


def c_library(paths: Sequence[str]) -> str:
    """Return the C library, recognised by its loader, which every dynamic program needs."""
    names = {path.rpartition("/")[2] for path in paths}
    if any(name.startswith("ld-musl-") for name in names):
        return "musl"
    return "glibc" if any(name.startswith("ld-linux") for name in names) else "none"


def _settings(result: BuildResult) -> dict[str, Any]:
    return dict(result.image.config)


# One bake of several targets. What this engine needs (where the bases come from, our label, the tags of
# the lessons) stands in a second file, which bake lays over the project's.


@dataclass(frozen=True)
class Baked:
    """What one bake did: the command as one would type it, its wall time, its steps, the images' ids."""

    command: tuple[str, ...]
    seconds: float
    steps: tuple[Step, ...]
    images: Mapping[str, str]


def bake(
    tags: Mapping[str, str],
    app: Path,
    engine: Engine,
    watch: Watcher | None = None,
    *,
    cold: bool = False,
) -> Baked:
    """Build targets of the bake file in the folder ``app``; ``tags`` gives each target its tag.

    ``cold`` ignores every cached step. Raises `BuildError` when one of the builds fails, and the errors
    of `bases.resolve` before it begins.
    """
    targets = {name: _target(name, tag, app, engine) for name, tag in tags.items()}
    typed = engine.command("buildx", "bake", *(["--no-cache"] if cold else []), *tags)
    before = {tag: buildx.id_of(tag, engine) for tag in tags.values()}
    with paths.temporary() as folder:
        overlay = folder / "overlay.json"
        overlay.write_text(json.dumps({"target": targets}), encoding="utf-8")
        at = typed.index("bake") + 1
        files = [
            "--progress=rawjson",
            "--provenance=false",
            "--load",
            "--file",
            str(app / BAKE_FILE),
            "--file",
            str(overlay),
        ]
        clock = time.monotonic()
        code, progress = buildx.follow([*typed[:at], *files, *typed[at:]], engine, watch)
        seconds = time.monotonic() - clock
    if code:
        raise failure.of(progress, code, ())
    images = {tag: buildx.id_of(tag, engine) or "" for tag in tags.values()}
    for tag, made in images.items():
        leftovers.clear(made, before[tag], engine)
    return Baked(tuple(typed), seconds, progress.steps, images)


def _target(name: str, tag: str, app: Path, engine: Engine) -> dict[str, Any]:
    found = bases.resolve(reader.read(sample.dockerfile(name)).base_images(), engine)
    if any(base.npm_address for base in found):
        raise WorkbookError(
            "Bake gives a build no address of the kit's npm registry; run this with the network on."
        )
    handed = bases.handed(found, engine)
    return {
        "context": str(app),
        "tags": [tag],
        "labels": {LABEL: "build"},
        "contexts": {base.name: base.context for base in handed if base.context},
    }


def npm_installs(steps: Sequence[Step]) -> int:
    """Return how many of a build's steps ran ``npm`` to install packages, not counting cached ones."""
    return sum(not step.cached and "npm ci" in step.instruction for step in steps)
