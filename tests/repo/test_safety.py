"""What the workbook never does, read off its own source: shells, power for builds, secrets kept."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from helpers.bases import host_settings, npm_registry
from helpers.buildx import Request, dockerfile
from helpers.engine import container, sidecar
from helpers.engine.engine import Engine
from helpers.exercises import CATALOGUE
from helpers.host import paths, workspace
from helpers.host.errors import redacted
from helpers.lesson import setup

SOURCES = sorted((paths.ROOT / "helpers").rglob("*.py"))
STARTERS = {"Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"}
MAKERS = {  # each is watched while it runs, in tests/engine/test_limits.py
    "helpers/engine/container.py",
    "helpers/bases/host_settings.py",
    "helpers/bases/npm_registry.py",
}
# Shell words in a container, where a shell is what the lesson asks for; none is started on this machine.
IN_CONTAINERS = {"helpers/engine/sidecar.py", "helpers/lesson/verbs.py", "helpers/lesson/stages.py"}
PUBLIC = {"registry.npmjs.org", "pypi.org", "deb.debian.org", "security.debian.org"}
POWER = re.compile(
    r"--privileged|--allow(?![\w-])|security\.insecure|--security=insecure|network[.=]host\b|--device\b"
)


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Give the calls of a file, each with the dotted name of what is called."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


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
        for node in ast.walk(ast.parse(path.read_text())):
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
    for maker in MAKERS:
        assert re.search(r"\bsettings\(", (paths.ROOT / maker).read_text())


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
    sources = {named(path): path.read_text() for path in SOURCES}
    assert [name for name, text in sources.items() if POWER.search(text)] == []


@pytest.mark.parametrize("store", ["overlay2", "containerd"])
def test_the_command_of_a_build_asks_for_none(store):
    where = Engine("docker", {}, "1", "1", "amd64", store, "", False, None)
    request = Request(Path("Dockerfile"), Path(), "t", target="x", build_args={"A": "1"}, cold=True)
    words = " ".join(request.command(where, []))
    assert words.startswith("docker buildx build --load")
    assert not POWER.search(words)


def test_what_is_said_of_the_limits_is_so():
    said = (paths.ROOT / "SECURITY.md").read_text()
    memory, processes = container.MEMORY.removesuffix("m"), container.PROCESSES
    assert f"at most {memory} MiB of memory and {processes} processes" in said
    assert npm_registry.NAME in said
    assert sidecar.PTRACE in said
    assert "(SECURITY.md)" in (paths.ROOT / "README.md").read_text()


# What is committed


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no clone, so what is committed is not known")
    return [paths.ROOT / name for name in listed.stdout.split("\0") if name]


def texts_of(path: Path) -> str:
    """Return a file's text; of a notebook all but its pictures."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.sub(r'"image/(png|jpeg)": "[^"]*"', "", text) if path.suffix == ".ipynb" else text


def shared() -> list[Path]:
    """Return what readers pass on: lessons with their outputs, pages, templates, measurements."""
    folders = ("notebooks", "docs", "bench", "README.md", "SECURITY.md")
    return [p for p in committed() if named(p).startswith(folders) and p.suffix not in (".png", ".svg")]


def test_no_output_page_or_measurement_holds_a_credential():
    for path in shared():
        for line in texts_of(path).splitlines():
            assert redacted(line) == line, f"{named(path)}: {line[:200]}"


def test_no_output_tells_of_the_machine_it_was_made_on():
    """Its registries, its proxies and where its certificates lie are the reader's own affair."""
    hosts = {urlsplit(address).hostname or "" for address in own_addresses()}
    own = {host for host in hosts if re.search(r"\.[a-z]", host)} - PUBLIC
    own |= {
        os.environ[name] for name in ("NODE_EXTRA_CA_CERTS", "DOCKER_CONFIG") if os.environ.get(name)
    }
    for path in shared():
        text = texts_of(path)
        assert [word for word in own if word in text] == [], named(path)


def own_addresses() -> list[str]:
    settings = [line.partition("=")[2] for line in host_settings.read().npmrc]
    wanted = re.compile(
        r".*_proxy|pip_(extra_)?index_url|npm_config_.*registry|uv_.*index.*", re.IGNORECASE
    )
    return settings + [value for name, value in os.environ.items() if wanted.fullmatch(name)]


def test_the_example_secret_is_visibly_fake():
    """Everyone who meets it sees so, and no scanner's pattern for a real key fits it."""
    secret = workspace.FAKE_SECRET
    assert "fake" in secret
    assert "NOT_A_REAL_KEY" in secret
    assert not re.search(r"sk_(live|test)_|AKIA[0-9A-Z]{16}|gh[pousr]_\w{20}|npm_\w{36}|AIza", secret)
    with workspace.copy(with_secret=True) as copy:
        text = (copy.path / ".env.local").read_text()
    assert text.startswith("# fake")


def test_no_file_holds_what_looks_like_a_real_key():
    real = re.compile(
        r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{30}|\bnpm_[A-Za-z0-9]{36}|sk_live_\w{10}"
        r"|xox[abp]-\w{10}|-----BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY-----"
    )
    for path in committed():
        if path.is_file():
            assert not real.search(texts_of(path)), named(path)


# What is locked


def test_every_package_for_python_is_locked_with_hashes_and_no_address():
    lock = (paths.ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", lock, flags=re.MULTILINE).strip())
    assert len(entries) > 100
    for entry in entries:
        assert re.match(r"[A-Za-z0-9][\w.\[\]-]*==\S+", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host| @ ", lock)


def test_every_package_for_npm_is_locked_with_its_integrity_and_no_address():
    locks = [path for path in committed() if path.name == "package-lock.json"]
    assert len(locks) > 1
    for lock in locks:
        packages = json.loads(lock.read_text())["packages"]
        for name, entry in packages.items():
            if name and not entry.get("link"):
                assert entry.get("integrity", "").startswith("sha512-"), f"{named(lock)}: {name}"
                assert "resolved" not in entry, f"{named(lock)}: {name}"


def test_every_base_of_the_kit_is_a_name_and_no_address_with_a_login():
    for name in setup.base_images():
        assert dockerfile.parse(f"FROM {name}").base_images() in ([name], [])
        assert redacted(name) == name
