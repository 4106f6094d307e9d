"""What the workbook never does, read off its own source: no shell, no container without limits."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from helpers.buildx import Request
from helpers.engine import Engine
from helpers.exercises import CATALOGUE
from helpers.host import paths

SOURCES = sorted((paths.ROOT / "helpers").rglob("*.py"))
STARTERS = {"Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"}
MAKERS = {  # each is watched while it runs, in tests/engine/test_limits.py
    "helpers/engine/container.py",
    "helpers/bases/host_settings.py",
    "helpers/bases/npm_registry.py",
}
# Shell words in a container, where a shell is what the lesson asks for; none is started on this machine.
IN_CONTAINERS = {
    "helpers/engine/sidecar.py",
    "helpers/improve/observe.py",
    "helpers/lesson/verbs.py",
    "helpers/lesson/stages.py",
    "helpers/measure/shutdown.py",
    "helpers/measure/stages.py",
}
POWER = re.compile(
    r"--privileged|--allow(?![\w-])|security\.insecure|--security=insecure|network[.=]host\b|--device\b"
)


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


@functools.cache
def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Return the calls of a file, each with the dotted name of what is called."""
    return [(ast.unparse(node.func), node) for node in nodes(path) if isinstance(node, ast.Call)]


def named(path: Path) -> str:
    return path.relative_to(paths.ROOT).as_posix()


def faults(path: Path) -> list[str]:
    """Return what of a file could go through a shell."""
    source = path.read_text()
    found = re.findall(r"from (?:subprocess|os) import .*", source)  # a call must say whose it is
    for name, call in calls(path):
        where = f"{named(path)}:{call.lineno}: {name}"
        if re.match(r"os\.(system|popen|spawn)|pty\.|asyncio\.create_subprocess_shell", name):
            found.append(where)
        if any(k.arg == "shell" and not is_false(k.value) for k in call.keywords):
            found.append(f"{where}(shell=…)")
        if name.startswith("subprocess.") and name.rpartition(".")[2] in STARTERS:
            command = call.args[0] if call.args else None
            if command is None or is_text(command) or "get" in name:
                found.append(f"{where}: its command is no list")
    return found


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_nothing_goes_through_a_shell():
    assert [fault for path in SOURCES for fault in faults(path)] == []


def test_no_command_of_this_machine_is_a_shell_with_a_script():
    """A list that begins with a shell is as much a shell as ``shell=True`` is."""
    found = set()
    for path in SOURCES:
        for node in nodes(path):
            words = {
                part.value
                for part in ast.iter_child_nodes(node)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            }
            if "-c" in words and words & {"sh", "bash", "ash", "dash", "/bin/sh", "/bin/bash"}:
                found.add(named(path))
    assert found <= IN_CONTAINERS


@pytest.mark.parametrize(
    "line",
    [
        "import os; os.system('ls')",
        "import subprocess; subprocess.run('ls', check=True)",
        "import subprocess; subprocess.run(f'ls {x}', check=True)",
        "import subprocess; subprocess.run(words, shell=True)",
        "import subprocess; subprocess.Popen(words, shell=wanted)",
        "import subprocess; subprocess.getoutput('ls')",
        "from subprocess import run",
    ],
)
def test_each_way_through_a_shell_would_be_found(line, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "bad.py").write_text(line)
    assert faults(tmp_path / "bad.py")


def test_containers_are_made_in_few_places_and_each_within_the_limits():
    """Whoever makes a container otherwise must come here, and to the test that watches the engine."""
    makers = set()
    for path in SOURCES:
        for name, call in calls(path):
            if re.search(r"containers\.(create|run)$|\.create_container\w*$", name):
                makers.add(named(path))
                assert name.endswith("containers.create")
                assert any(keyword.arg is None for keyword in call.keywords), "it takes no settings"
            if name.endswith(".command") and call.args and isinstance(call.args[0], ast.Constant):
                assert call.args[0].value not in ("run", "create", "exec", "container"), named(path)
    assert makers == MAKERS


def every_dockerfile() -> dict[str, str]:
    """Return each Dockerfile of the workbook by a name: the lessons', the exercises', the examples'."""
    files = [*paths.DOCKERFILES.glob("*Dockerfile*"), *(paths.ROOT / "helpers").rglob("*Dockerfile*")]
    texts = {named(file): file.read_text() for file in files if file.is_file()}
    for exercise in CATALOGUE:
        texts |= {f"{exercise.name} {n}": text for n, text in enumerate(exercise.dockerfiles())}
    return texts


def test_no_build_asks_for_power_over_the_engine():
    texts = every_dockerfile()
    assert len(texts) > 20
    assert [name for name, text in texts.items() if POWER.search(text)] == []


@pytest.mark.parametrize("store", ["overlay2", "containerd"])
def test_the_command_of_a_build_asks_for_none(store):
    where = Engine("docker", {}, "1", "1", "amd64", store, "", False, None)
    request = Request(Path("Dockerfile"), Path(), "t", target="x", build_args={"A": "1"}, cold=True)
    words = " ".join(request.command(where, []))
    assert words.startswith("docker buildx build --load")
    assert not POWER.search(words)
