"""Fill a working copy with the real files that a developer's folder has after some months.

These are a Git repository, installed modules, build output, fixtures, coverage, logs, editor settings, a
helper tool with its own modules and settings, and secrets, which are all fake. Each call makes the same
files, apart from those that npm installs and Git compresses. This module builds and measures nothing.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import image
from helpers.host.errors import WorkbookError
from helpers.host.workspace import FAKE_SECRET, Workspace

if TYPE_CHECKING:
    from helpers.engine import Engine

FIXTURES = "test/fixtures"
SMALL_FIXTURE = f"{FIXTURES}/one-shipment.json"
FIXTURE_FILES, FIXTURE_BYTES = 40, 5_000_000  # 200 MB, as in the article's claim
TOOL = "tools/mock-carrier"
SECRET_FILES = (".env", ".env.local", f"{TOOL}/.env")
_SEED = 2026
_NEEDS = 500_000_000  # bytes of disk that are needed to fill and measure
_FAKE_ENV = f"# fake, made for the lesson\nPAYMENT_API_KEY={FAKE_SECRET}\n"
_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Workbook",
    "GIT_AUTHOR_EMAIL": "workbook@example.com",
    "GIT_AUTHOR_DATE": "2026-01-05T09:00:00Z",
    "GIT_COMMITTER_NAME": "Workbook",
    "GIT_COMMITTER_EMAIL": "workbook@example.com",
    "GIT_COMMITTER_DATE": "2026-01-05T09:00:00Z",
}


def fill(copy: Workspace, installed: str, engine: Engine) -> None:
    """Fill a working copy; ``installed`` names an image whose /app has node_modules and dist.

    Raises `WorkbookError` when the disk is too full or Git fails, and `ImageError` when the engine does
    not have the image.
    """
    if shutil.disk_usage(copy.path).free < _NEEDS:
        raise WorkbookError(f"{copy.path} has less than {_NEEDS / 1e6:.0f} MB free; make some room.")
    _repository(copy)
    for folder in ("node_modules", "dist"):
        image.find(installed, engine).extract(f"/app/{folder}", copy.path)
    _fixtures(copy)
    _tool(copy)
    copy.write(".env", _FAKE_ENV)
    copy.write("coverage/lcov.info", _coverage(copy.path))
    copy.write("npm-debug.log", _log(2_000))
    copy.write("logs/api.log", _log(8_000))
    copy.write(".vscode/settings.json", '{ "editor.formatOnSave": true }\n')


def _fixtures(copy: Workspace) -> None:
    """Write bytes that cannot be compressed, like those of archives and pictures."""
    noise = random.Random(_SEED)  # noqa: S311 - it makes no keys
    copy.write(SMALL_FIXTURE, '{ "reference": "WB-1", "origin": "DKCPH", "destination": "USNYC" }\n')
    for number in range(FIXTURE_FILES):
        file = copy.path / FIXTURES / f"manifests-{number:02}.ndjson.gz"
        file.write_bytes(noise.randbytes(FIXTURE_BYTES))


def _tool(copy: Workspace) -> None:
    """Add a second project inside the first; mock servers and load tests are such projects."""
    manifest = {"name": "mock-carrier", "private": True, "dependencies": {"pino": "*"}}
    copy.write(f"{TOOL}/package.json", json.dumps(manifest, indent=2) + "\n")
    copy.write(f"{TOOL}/.env", _FAKE_ENV)
    modules = copy.path / "node_modules"
    if (modules / "pino").is_dir():
        shutil.copytree(modules / "pino", copy.path / TOOL / "node_modules" / "pino", symlinks=True)


def _coverage(project: Path) -> str:
    """Return a report in lcov's format that calls every line of the sources covered."""
    records = []
    for source in sorted((project / "src").rglob("*.ts")):
        count = len(source.read_text(encoding="utf-8").splitlines())
        lines = "\n".join(f"DA:{number},1" for number in range(1, count + 1))
        name = source.relative_to(project).as_posix()
        records.append(f"SF:{name}\n{lines}\nLF:{count}\nLH:{count}\nend_of_record\n")
    return "".join(records)


def _log(lines: int) -> str:
    line = '{{"level":30,"time":{time},"msg":"request completed","url":"/shipments","status":200}}\n'
    return "".join(line.format(time=1_767_600_000_000 + 250 * number) for number in range(lines))


def _repository(copy: Workspace) -> None:
    """Make a Git repository whose history holds a secret that a later commit removed."""
    program = shutil.which("git")
    if program is None:
        _repository_without_git(copy)
        return
    past = copy.write("config/production.env", _FAKE_ENV)
    _git(program, copy, "init", "--quiet", "--initial-branch=main")
    _git(program, copy, "add", "--all")
    _git(program, copy, "commit", "--quiet", "--message=Add the API")
    _git(program, copy, "rm", "--quiet", past.relative_to(copy.path).as_posix())
    _git(program, copy, "commit", "--quiet", "--message=Remove the key, it must not be here")


def _git(program: str, copy: Workspace, *words: str) -> None:
    settings = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        [program, "-c", "gc.auto=0", *words],
        cwd=copy.path,
        env=settings | _GIT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WorkbookError(f"git {words[0]} failed in the working copy: {done.stderr.strip()}")


def _repository_without_git(copy: Workspace) -> None:
    """Write files like those of a Git repository, because Git is not installed here."""
    copy.write(".git/HEAD", "ref: refs/heads/main\n")
    copy.write(".git/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
    pack = copy.write(".git/objects/pack/pack-0.pack", "")
    pack.write_bytes(random.Random(_SEED + 1).randbytes(100_000))  # noqa: S311 - it makes no keys
