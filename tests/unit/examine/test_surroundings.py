"""What lies around a context: git's index, and the folder that a Dockerfile means."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from helpers.buildx import context, dockerignore
from helpers.examine import surroundings


def index(version: int, paths: list[str]) -> bytes:
    """Return the bytes of an index as git writes them, with empty facts about each file."""
    data, before = struct.pack(">4sII", b"DIRC", version, len(paths)), b""
    for path in map(str.encode, paths):
        entry = bytes(60) + struct.pack(">H", min(len(path), 0xFFF))
        if version == 4:
            common = 0
            while common < min(len(before), len(path)) and before[common] == path[common]:
                common += 1
            data += entry + bytes([len(before) - common]) + path[common:] + b"\0"
        else:
            entry += path
            data += entry + bytes(8 - len(entry) % 8)
        before = path
    return data + bytes(20)


def repository(folder: Path, data: bytes) -> Path:
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "index").write_bytes(data)
    return folder


@pytest.mark.parametrize("version", [2, 3, 4])
def test_what_git_tracks_is_read_from_its_index(tmp_path, version):
    paths = ["a", "app/dist/x.js", "app/dist/y.js", "app/z", "n" * 5000]
    project = repository(tmp_path, index(version, paths))
    assert surroundings.tracked(project) == set(paths)
    (project / "app").mkdir()
    assert surroundings.tracked(project / "app") == {"dist/x.js", "dist/y.js", "z"}


def test_a_work_tree_names_its_repository(tmp_path):
    repository(tmp_path / "main", index(2, ["a"]))
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / ".git").write_text("gitdir: ../main/.git\n")
    assert surroundings.tracked(tmp_path / "tree") == {"a"}


@pytest.mark.parametrize("data", [b"", b"DIRC", index(2, ["a"])[:40], index(9, ["a"]), b"x" * 99])
def test_an_index_that_cannot_be_read_tracks_nothing(tmp_path, data):
    assert surroundings.tracked(repository(tmp_path, data)) == frozenset()


def test_an_index_with_longer_ids_is_left(tmp_path):
    longer = index(2, ["a" * 40, "b" * 40])
    assert surroundings.tracked(repository(tmp_path, longer[:72] + bytes(12) + longer[72:])) == set()


@pytest.mark.parametrize(
    ("line", "told"),
    [(".env", True), ("/.env*", True), ("**/.env", True), ("env", False), ("!.env", False)],
)
def test_an_env_that_git_ignores_is_one_that_developers_have(tmp_path, line, told):
    (tmp_path / ".gitignore").write_text(f"# .env\nnode_modules\n{line}\n")
    assert env_files(tmp_path) == ([".env"] if told else [])


def test_a_template_tells_where_an_env_will_lie_and_one_that_lies_there_is_judged_itself(tmp_path):
    for folder in ("api", "web", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / ".env.example").touch()
    (tmp_path / "web" / ".env").touch()
    assert env_files(tmp_path) == ["api/.env"]
    assert env_files(tmp_path, "**/.env") == []


def env_files(folder: Path, *patterns: str) -> list[str]:
    rules = dockerignore.rules(patterns)
    return list(surroundings.env_files(folder, context.survey(folder, rules), rules))


def test_a_folder_that_holds_all_that_copies_name_is_the_one_meant(tmp_path):
    docker = tmp_path / "docker"
    docker.mkdir()
    (docker / "start.sh").touch()
    (tmp_path / "package.json").touch()

    def meant(folder: Path, *named: str) -> Path | None:
        survey = context.survey(folder)
        found = surroundings.elsewhere(folder, docker / "Dockerfile", dict.fromkeys(named, 3), survey)
        return found and found.folder

    assert meant(docker, "package.json") == tmp_path
    assert meant(tmp_path, "start.sh") == docker
    assert meant(docker, "start.sh") is None
    assert meant(tmp_path, "start.sh", "package.json") is None
    assert meant(docker, "made-by-the-build.jar") is None
