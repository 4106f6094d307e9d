"""The command that starts JupyterLab without network access, and with the text of pictures kept.

`python -m helpers lab` runs the command; this module starts nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from helpers.host import paths

FIRST_LESSON = "notebooks/00_start_here.ipynb"
_EXTENSIONS = Path(__file__).parent / "labextensions"
_QUIET = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


def command(given: Sequence[str] = ()) -> list[str]:
    """Return the command that starts JupyterLab at the first lesson; options in ``given`` win."""
    options = [
        f"--ServerApp.root_dir={paths.ROOT}",
        f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}",
        f"--LabServerApp.extra_labextensions_path={_EXTENSIONS}",
        *_QUIET,
    ]
    if os.name == "posix" and os.geteuid() == 0:
        options.append("--allow-root")
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        options.append("--no-browser")
    named = {option.partition("=")[0] for option in given}
    ours = [option for option in options if option.partition("=")[0] not in named]
    return [sys.executable, "-m", "jupyterlab", *ours, *given]
