"""Run what one would type instead of using the workbook: a command, or commands joined by pipes.

Nothing goes through a shell; a command that fails is an error, wherever it stands in the pipe.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.host.errors import WorkbookError


def run(
    *commands: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> str:
    """Run commands, each reading what the one before writes, and return what the last one writes."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            source = processes[-1].stdout if processes else subprocess.DEVNULL
            processes.append(
                subprocess.Popen(
                    list(command),
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                    cwd=folder,
                )
            )
            if len(processes) > 1:
                source.close()  # type: ignore[union-attr]  # the next command's alone, for SIGPIPE
        said = processes[-1].communicate()[0]
    finally:
        for process in processes:
            if process.poll() is None and process is processes[-1]:
                process.kill()
            process.wait()
    for command, process in zip(commands, processes, strict=True):
        if process.returncode not in (0, -signal.SIGPIPE):  # whose reader ended first did not fail
            raise WorkbookError(
                f"`{' '.join(command)}` failed with code {process.returncode}; run it in a terminal "
                "to see why."
            )
    return said.decode(errors="replace")
