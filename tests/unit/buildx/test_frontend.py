"""A file whose frontend is out of reach is read by the engine's own: one line less, no number changed."""

from __future__ import annotations

import types

import pytest

from helpers.buildx import dockerfile, frontend
from helpers.buildx.failure import BuildError
from helpers.buildx.frontend import Frontend

TEXT = "# syntax=docker/dockerfile:1.7-labs\n# escape=`\nFROM scratch\nCOPY --exclude=x . /\n"
ENGINE = types.SimpleNamespace(version="26.1.5")


@pytest.fixture
def engine(monkeypatch, tmp_path):
    """Give an engine without that frontend; ``reachable`` in its list is what can be fetched."""
    from docker.errors import ImageNotFound

    def get(name):
        raise ImageNotFound(name)

    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path / "state"))
    reachable = []
    monkeypatch.setattr(frontend.bases, "registry_reachable", lambda name, _engine: name in reachable)
    client = types.SimpleNamespace(images=types.SimpleNamespace(get=get))
    return types.SimpleNamespace(client=client, version="26.1.5", reachable=reachable)


def written(folder, text, ignore=None):
    file = folder / "app.Dockerfile"
    file.write_text(text)
    if ignore is not None:
        (folder / "app.Dockerfile.dockerignore").write_text(ignore)
    return file, dockerfile.parse(text)


def test_a_file_that_names_no_frontend_is_read_as_it_is(engine, tmp_path):
    file, parsed = written(tmp_path, "FROM scratch\n")
    assert frontend.choose(file, parsed, engine) == Frontend(file)


def test_a_frontend_that_can_be_fetched_reads_the_file_itself(engine, tmp_path):
    engine.reachable.append("docker/dockerfile:1.7-labs")
    file, parsed = written(tmp_path, TEXT)
    assert frontend.choose(file, parsed, engine) == Frontend(file)


def test_one_that_cannot_be_fetched_is_left_out_of_a_copy_beside_its_ignore_file(engine, tmp_path):
    file, parsed = written(tmp_path, TEXT, ignore="secret\n")
    used = frontend.choose(file, parsed, engine)
    assert used.file != file
    assert used.file.name == file.name
    assert used.note == "read by the engine's own frontend, docker/dockerfile:1.7-labs is out of reach"
    assert used.file.with_name("app.Dockerfile.dockerignore").read_text() == "secret\n"
    assert file.read_text() == TEXT
    copied = dockerfile.parse(used.file.read_text())
    assert dict(copied.directives) == {"escape": "`"}
    assert [(i.keyword, i.line) for i in copied.instructions] == [
        (i.keyword, i.line) for i in parsed.instructions
    ]


def test_two_files_have_two_copies_and_the_same_file_one(engine, tmp_path):
    file, parsed = written(tmp_path, TEXT)
    first = frontend.choose(file, parsed, engine).file
    assert frontend.choose(file, parsed, engine).file == first
    file, parsed = written(tmp_path, TEXT + "USER 1\n")
    assert frontend.choose(file, parsed, engine).file != first


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("# syntax=x\nFROM a\n", "# The frontend x is out of reach.\nFROM a\n"),
        ("#!/bin/sh\n#Syntax = x\nFROM a\n", "#!/bin/sh\n# The frontend x is out of reach.\nFROM a\n"),
        ("# a comment\n# syntax=x\nFROM a\n", "# a comment\n# syntax=x\nFROM a\n"),
    ],
)
def test_only_the_directive_is_left_out(text, left):
    assert frontend.without_syntax(text, "x") == left


def test_a_first_line_for_a_shell_is_before_the_directives():
    assert dockerfile.parse("#!/bin/sh\n# syntax=x\nFROM a\n").directives["syntax"] == "x"


@pytest.mark.parametrize(
    ("reason", "feature"),
    [
        ("parse error on line 4: unknown flag: exclude", "`COPY --exclude` (line 4)"),
        (
            "parse error on line 9: unknown instruction: FOO (did you mean FROM?)",
            "The instruction `FOO`",
        ),
        ("unexpected key 'env' in 'env=Y'", "`env` of `RUN --mount`"),
    ],
)
def test_a_feature_that_the_engines_own_does_not_know_is_named(reason, feature):
    used = Frontend(None, "docker/dockerfile:1.7-labs")
    error = frontend.explained(BuildError(f"Failed: {reason}."), used, dockerfile.parse(TEXT), ENGINE)
    assert str(error).startswith(f"{feature} is unknown to the frontend of Docker Engine 26.1.5")
    assert "docker/dockerfile:1.7-labs cannot be reached" in str(error)


def test_other_failures_and_other_frontends_keep_their_words():
    error, parsed = BuildError("exit code: 1"), dockerfile.parse(TEXT)
    assert frontend.explained(error, Frontend(None, "x"), parsed, ENGINE) is error
    error = BuildError("parse error on line 4: unknown flag: exclude")
    assert frontend.explained(error, Frontend(None), parsed, ENGINE) is error
