"""The terminal commands of the workshop kit: ``kit FILE``, ``kit-load FILE`` and ``kit-unload``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from helpers import exercises
from helpers.bases import kit, npm_registry
from helpers.buildx import dockerfile
from helpers.engine import engine
from helpers.lesson import own
from helpers.measure import sample

if TYPE_CHECKING:
    from argparse import ArgumentParser, _SubParsersAction
# The lesson on pinning publishes these under a tag that it moves, and builds on these lines of Node.
PUBLISHED = ("node:20.18.0-bookworm-slim", "node:20.19.5-bookworm-slim")
LINES = (20, 22, 24)


def base_images() -> list[str]:
    """Return the base images of every Dockerfile of the workbook, of the exercises too, each once."""
    texts = [text for exercise in exercises.CATALOGUE for text in exercise.dockerfiles()]
    tried = [name for text in texts for name in dockerfile.parse(text).base_images()]
    return list(dict.fromkeys([*sample.base_images(), *own.base_images(), *tried]))


def carried_images() -> list[str]:
    """Return the images that a kit carries: the bases, those that lesson 06 moves to, and a registry."""
    from helpers.bases import local_registry
    from helpers.lesson import pins

    text = sample.dockerfile("recommended").read_text()
    moved = [dockerfile.parse(pins.moved(text, line)) for line in LINES]
    names = [name for file in moved for name in file.base_images()]
    return list(dict.fromkeys([*base_images(), *PUBLISHED, *names, local_registry.IMAGE]))


def write(file: Path) -> None:
    """Write base images, npm packages and Python wheels into one archive."""
    kit.write(file, engine.find(), carried_images())


def load(file: Path) -> None:
    """Use such an archive, with the network off."""
    for base in kit.load(file, engine.find()):
        print(base.note)
    print("Builds take npm packages from the kit now, until `make kit-unload` or `make clean`.")


def unload(_file: Path) -> None:
    """Have builds ask this machine's npm registry again; the images stay."""
    npm_registry.take_down(engine.find())


COMMANDS = {"kit": write, "kit-load": load, "kit-unload": unload}


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands, each with the archive as its argument, to a parser's commands."""
    for name, command in COMMANDS.items():
        parser = commands.add_parser(name, help=(command.__doc__ or "").splitlines()[0])
        parser.add_argument("file", type=Path, nargs="?", default=kit.FILE, help="the archive")
