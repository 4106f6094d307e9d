"""Have a Chromium to look at pages with: the machine's own, Playwright's, or Debian's unpacked here.

On a Debian host with root and no browser, one is unpacked with all that it needs into a folder of ours
and started from there, so that it runs wherever the private engine does. It knows no page.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.bases import debian_root
from helpers.host import debian, paths
from helpers.host.errors import WorkbookError
from helpers.host.workshop import Workshop

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PACKAGES = ("chromium", "fonts-dejavu-core")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking")
_WRAPPER = """\
#!/bin/sh
exec unshare --mount --propagation private sh -c '
  mount -t proc proc "{root}/proc" && mount --bind /tmp "{root}/tmp" && mount --rbind /dev "{root}/dev"
  exec chroot "{root}" /usr/bin/chromium "$@"' chromium "$@"
"""


@contextlib.contextmanager
def opened() -> Iterator[Browser]:
    """Start a Chromium without a window; it ends with the block. Raises `WorkbookError` without one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        own = player.chromium.executable_path
        program = None if Path(own).exists() else _program()
        browser = player.chromium.launch(executable_path=program, args=_QUIET)
        try:
            yield browser
        finally:
            browser.close()


def _program() -> str:
    """Return the program of a Chromium that is not Playwright's."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    if not Path("/etc/debian_version").exists() or os.geteuid() != 0:
        raise WorkbookError("There is no Chromium here; run `python -m playwright install chromium`.")
    return str(_unpacked())


def _unpacked() -> Path:
    """Unpack Debian's Chromium with its libraries, once, and return a program that starts it."""
    home = paths.state("browser")
    wrapper, root = home / "chromium", home / "root"
    if not wrapper.exists():
        workshop = Workshop(home)
        with workshop.scratch() as scratch:
            made = debian_root.make(
                debian.host_suite(), PACKAGES, debian.architecture(), workshop, scratch
            )
            shutil.rmtree(root, ignore_errors=True)
            made.rename(root)
        wrapper.write_text(_WRAPPER.format(root=root))
        wrapper.chmod(0o755)
    return wrapper
