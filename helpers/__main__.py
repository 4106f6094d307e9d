"""The workbook's commands, as the Makefile calls them: ``python -m helpers COMMAND``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from helpers import bases, engine
from helpers.engine import LABEL, NoEngineError, PrivateEngine, container, private
from helpers.host import paths
from helpers.host.errors import WorkbookError


def start_engine() -> None:
    """Use the engine that answers; where none does, start the private one."""
    try:
        found = engine.find()
    except NoEngineError:
        if os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT"):
            raise
        print("No Docker engine answers; starting a private one …", flush=True)
        PrivateEngine().start()
        found = engine.find()
    print(f"{found.description} ({'private' if found.private else 'yours'})")


def stop_engine() -> None:
    """Stop the private engine; its images stay for the next start."""
    PrivateEngine().stop()


def prepare_bases() -> None:
    """Have the base images of every lesson ready before the first build."""
    from helpers.lesson import setup

    for base in bases.prepare(engine.find(), setup.carried_images()):
        print(base.note)


def write_kit(file: Path) -> None:
    """Write base images, npm packages and Python wheels into one archive."""
    from helpers.bases import kit
    from helpers.lesson import setup

    kit.write(file, engine.find(), setup.carried_images())


def load_kit(file: Path) -> None:
    """Use such an archive, with the network off."""
    from helpers.bases import kit

    for base in kit.load(file, engine.find()):
        print(base.note)
    print("Builds take npm packages from the kit now, until `make kit-unload` or `make clean`.")


def unload_kit(_file: Path) -> None:
    """Have builds ask this machine's npm registry again; the images stay."""
    from helpers.bases import npm_registry

    npm_registry.stop(engine.find())


def check_setup() -> None:
    """Say what was found on this machine; exit with 1 when something is missing."""
    from helpers.lesson import setup

    report = setup.check()
    print(report)
    if not report.ok:
        sys.exit(1)


def open_lab() -> None:
    """Start the engine if need be, and JupyterLab at the first lesson."""
    from helpers.lesson import lab

    try:
        start_engine()
    except WorkbookError as error:
        print(f"{error}\nThe lessons open all the same; they show what was recorded.", flush=True)
    words = lab.command(sys.argv[2:])
    os.execv(words[0], words)  # noqa: S606


def clean() -> None:
    """Remove every container and image that carries our label, the private engine and the caches.

    All checkouts that use one engine share its images; what another one runs just now stays.
    """
    try:
        _remove_labelled(engine.find())
    except WorkbookError:
        print("No engine answers, so no image was looked for.")
    private.stop_below(paths.state())  # engines of tests that were killed; their data go with the rest
    PrivateEngine().remove()
    paths.remove_state()


def _remove_labelled(found: engine.Engine) -> None:
    from docker.errors import APIError, ImageNotFound

    label: dict[str, str | list[str] | bool] = {"label": LABEL}
    kept = set()
    for one in found.client.containers.list(all=True, filters=label, ignore_removed=True):
        if user := container.used_elsewhere(one):
            print(f"{one.name} and its image stay: the checkout in {user} uses them.")
            kept.add(one.attrs["Image"])
        else:
            one.remove(force=True, v=True)
    for image in found.client.images.list(all=True, filters=label):
        if image.id in kept:
            continue
        for name in [*image.tags, str(image.id)]:
            try:
                found.client.images.remove(name, force=name in image.tags)
            except ImageNotFound:  # it went with its last name
                continue
            except APIError as error:
                print(f"{name} stays: {error.explanation}")


COMMANDS: dict[str, Callable[[], None]] = {
    "bases": prepare_bases,
    "clean": clean,
    "doctor": check_setup,
    "engine": start_engine,
    "engine-stop": stop_engine,
    "lab": open_lab,
}


PROJECT_COMMANDS = {"examine": "helpers.examine.command", "improve": "helpers.improve.command"}
KIT_COMMANDS: dict[str, Callable[[Path], None]] = {
    "kit": write_kit,
    "kit-load": load_kit,
    "kit-unload": unload_kit,
}


def main() -> None:
    """Run one command; a fault that the reader can act on is printed as its one sentence."""
    parser = argparse.ArgumentParser(prog="python -m helpers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=(command.__doc__ or "").splitlines()[0], add_help=name != "lab")
    named = set(PROJECT_COMMANDS).intersection(sys.argv[1:2]) or PROJECT_COMMANDS
    on_projects = {name: importlib.import_module(PROJECT_COMMANDS[name]) for name in named}
    for module in on_projects.values():
        module.add_to(commands)
    for name, kit_command in KIT_COMMANDS.items():
        kit_parser = commands.add_parser(name, help=(kit_command.__doc__ or "").splitlines()[0])
        kit_parser.add_argument("file", type=Path, nargs="?", help="the archive")
    words, extra = sys.argv[1:], []
    if "--" in words:
        words, extra = words[: words.index("--")], words[words.index("--") + 1 :]
    arguments, unknown = parser.parse_known_args(words)
    try:
        if arguments.command in on_projects:
            if unknown:
                parser.error(f"{arguments.command} does not know {' '.join(unknown)}")
            on_projects[arguments.command].run(arguments, extra)
        elif arguments.command in KIT_COMMANDS:
            from helpers.bases import kit

            KIT_COMMANDS[arguments.command](arguments.file or kit.FILE)
        else:
            COMMANDS[arguments.command]()
    except WorkbookError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
