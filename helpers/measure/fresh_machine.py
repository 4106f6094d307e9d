"""A builder machine that has never built anything: its cache is empty, and it goes with its block.

It stands for the runner that a CI service hands out for each job. It is a private engine of the
workbook that keeps images as containerd does, since such an engine can export a build's cache and
import one. It runs where the workbook's private engine is installed; it builds nothing by itself.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterable, Iterator

from helpers.engine import engine
from helpers.engine.engine import Engine
from helpers.engine.private import PrivateEngine
from helpers.host import paths, processes
from helpers.host.errors import PrivateEngineError, WorkbookError


class FreshMachineError(WorkbookError):
    """There is no fresh machine to be had here."""


def available() -> bool:
    """Whether `booted` can work here."""
    return PrivateEngine().installed and os.geteuid() == 0


@contextlib.contextmanager
def booted(images: Iterable[str], where: Engine | None = None) -> Iterator[Engine]:
    """Start a machine that has ``images`` (taken from ``where``) and nothing else; yield its engine.

    Raises `FreshMachineError` where none can be had, with the remedy.
    """
    if not available():
        raise FreshMachineError(
            "A fresh builder machine needs the workbook's private engine, which is not installed here; "
            "run `make engine` as root on Linux, or try the commands below on your own builder."
        )
    where = where or engine.find()
    home = paths.state("machines")
    _sweep()
    machine = PrivateEngine(
        home / f"{os.getpid()}-{secrets.token_hex(3)}",
        programs=PrivateEngine().programs,
        containerd_store=True,
    )
    try:
        machine.start()
        fresh = engine.of(machine)
        for image in images:
            _hand_over(image, where, fresh)
        yield fresh
    except PrivateEngineError as error:
        raise FreshMachineError(f"The fresh machine did not start: {error}") from None
    finally:
        machine.remove()


def _sweep() -> None:
    """Remove the machines whose owners were killed."""
    for folder in paths.state("machines").iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdecimal() and not processes.alive(int(owner)):
            PrivateEngine(folder).remove()


def _hand_over(image: str, giver: Engine, taker: Engine) -> None:
    """Copy an image from one engine to another, through a pipe."""
    save = subprocess.Popen(
        giver.command("save", image), env=giver.process_environment(), stdout=subprocess.PIPE
    )
    loaded = subprocess.run(
        taker.command("load", "--quiet"),
        env=taker.process_environment(),
        stdin=save.stdout,
        capture_output=True,
        text=True,
        check=False,
    )
    if save.stdout:
        save.stdout.close()
    if save.wait() or loaded.returncode:
        why = loaded.stderr.strip() or f"`docker save` ended with {save.returncode}"
        raise FreshMachineError(f"The image {image} could not be handed to the fresh machine: {why}.")
