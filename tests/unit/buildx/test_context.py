"""What a context holds and what of it is forecast to be sent."""

import os

import pytest

from helpers.buildx import context, dockerignore
from helpers.host.errors import WorkbookError
from helpers.host.workspace import FAKE_SECRET, Workspace
from helpers.image import secrets
from helpers.measure import developer_folder


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "owner" / "app"
    for path, size in {
        "src/index.ts": 100,
        "test/fixtures/large.bin": 3_000_000,
        "test/fixtures/small.json": 20,
        "node_modules/a/index.js": 5_000,
        ".env": 40,
    }.items():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * size)
    (home / "empty").mkdir()
    (home / "link").symlink_to("src")
    return home


def survey(folder, patterns=""):
    return context.survey(folder, dockerignore.parse(patterns))


def test_without_patterns_everything_is_sent(folder):
    found = survey(folder)
    assert found.sent == found.entries
    assert found.sent_bytes == found.bytes == 3_005_160
    assert {entry.kind for entry in found.entries if entry.path in ("empty", "link")} == {
        "directory",
        "symlink",
    }


def test_a_link_to_a_folder_is_not_followed(folder):
    assert not [entry for entry in survey(folder).entries if entry.path.startswith("link/")]


def test_the_folders_on_the_way_to_a_readmitted_file_are_sent_as_well(folder):
    found = survey(folder, "test\n!test/fixtures/small.json")
    sent = [entry.path for entry in found.sent if entry.path.startswith("test")]
    assert sent == ["test", "test/fixtures", "test/fixtures/small.json"]
    assert found.sent_bytes == 5_160


def test_of_two_hard_links_that_are_sent_one_has_the_bytes(folder):
    os.link(folder / "test/fixtures/large.bin", folder / "test/fixtures/other.bin")
    assert survey(folder).sent_bytes == 3_005_160
    assert survey(folder, "test/fixtures/large.bin").sent_bytes == 3_005_160
    assert survey(folder, "test/fixtures/other.bin").sent_bytes == 3_005_160


def test_the_tree_says_what_is_sent_of_how_much_and_why_the_rest_is_not(folder):
    text = str(survey(folder, "node_modules\ntest\n!**/small.json").tree())
    lines = {line.split()[1]: line for line in text.splitlines() if "─" in line}
    assert lines["node_modules/"].endswith("·     5.0 kB  kept out by node_modules")
    assert "20 B     3.0 MB  kept out by test, in part back by !**/small.json" in lines["test/"]
    assert lines["src/"].endswith("100 B      100 B")
    assert text.splitlines()[1].split() == [".", "160", "B", "3.0", "MB"]


def test_the_tree_says_which_line_keeps_a_part_out(folder):
    text = str(survey(folder, "**/*.bin").tree(3))
    assert "in part kept out by **/*.bin" in text
    assert "│  └─ small.json" not in text  # the deepest level hangs below the last folder
    assert "   └─ small.json" in text.replace("│", " ")


def test_deeper_lines_add_up_to_the_line_above(folder):
    lines = survey(folder, "**/*.bin").tree(2).lines
    test = next(n for n, line in enumerate(lines) if line.name == "test/")
    assert lines[test].bytes == lines[test + 1].bytes == 3_000_020


def test_the_tree_keeps_its_shape_in_a_notebook_and_escapes_names(folder):
    (folder / "<b>").write_text("")
    html = survey(folder).tree()._repr_html_()
    assert html.startswith("<pre")
    assert "&lt;b&gt;" in html


def test_the_dockerfiles_own_ignore_file_goes_before_the_folders(folder):
    dockerfile = folder / "docker" / "Dockerfile"
    assert context.ignore_file(folder, dockerfile) is None
    (folder / ".dockerignore").write_text("src")
    assert context.ignore_file(folder, dockerfile) == folder / ".dockerignore"
    dockerfile.parent.mkdir()
    own = folder / "docker" / "Dockerfile.dockerignore"
    own.write_text("test")
    assert context.ignore_file(folder, dockerfile) == own
    rules = context.rules(folder, dockerfile)
    assert [rules.decide(path).kept_out for path in ("src", "test")] == [False, True]


def test_what_is_no_folder_is_named(tmp_path):
    with pytest.raises(WorkbookError, match="no folder"):
        context.survey(tmp_path / "missing")


@pytest.fixture
def copy(tmp_path):
    folder = tmp_path / "owner" / "app"
    folder.mkdir(parents=True)
    with Workspace(folder) as made:
        made.write("package.json", "{}\n")
        yield made


def test_a_key_that_a_commit_removed_is_found_in_git_and_in_no_file(copy):
    developer_folder._repository(copy)
    assert len(secrets.in_git_objects(copy.path / ".git", FAKE_SECRET)) == 1
    files = [file for file in copy.path.rglob("*") if file.is_file()]
    assert not [file for file in files if FAKE_SECRET.encode() in file.read_bytes()]


def test_the_readers_own_git_settings_play_no_part(copy, monkeypatch, tmp_path):
    settings = tmp_path / "config"
    settings.write_text("[commit]\n\tgpgsign = true\n[user]\n\tname = Reader\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    developer_folder._repository(copy)
    assert (copy.path / ".git" / "HEAD").is_file()
    assert not (tmp_path / "elsewhere").exists()


def test_without_git_a_folder_of_its_shape_is_written(copy, monkeypatch):
    monkeypatch.setenv("PATH", "")
    developer_folder._repository(copy)
    assert (copy.path / ".git" / "HEAD").read_text() == "ref: refs/heads/main\n"
    assert secrets.in_git_objects(copy.path / ".git", FAKE_SECRET) == []


def test_git_that_fails_is_quoted(copy):
    copy.write(".git", "not a repository")
    with pytest.raises(WorkbookError, match="git init failed"):
        developer_folder._repository(copy)


def test_a_damaged_object_is_passed_over(copy):
    copy.write(f".git/objects/ab/{'c' * 38}", "not compressed")
    assert secrets.in_git_objects(copy.path / ".git", FAKE_SECRET) == []


@pytest.mark.parametrize(
    ("pattern", "kept_out"),
    [
        (b"caf\xe9", False),
        (b"caf\xe9*", True),
        (b"*af\xe8", True),
        (b"caf?", True),
        ("café".encode(), False),
    ],
)
def test_bytes_that_are_no_utf_8_fit_as_the_builder_lets_them_and_can_be_printed(
    tmp_path, pattern, kept_out
):
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("x")
    (tmp_path / ".dockerignore").write_bytes(pattern)
    found = context.survey(tmp_path, context.rules(tmp_path, tmp_path / "Dockerfile"))
    assert len(found.sent) == (1 if kept_out else 2)
    assert "caf\\xe9" in str(found.tree()).encode().decode()


def test_names_that_new_builders_refuse_are_those_sent_whose_bytes_are_no_utf_8(tmp_path):
    (tmp_path / "café").write_text("x")
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    (tmp_path / os.fsdecode(b"caf\xe9") / "in it").write_text("x")
    (tmp_path / "link").symlink_to(os.fsdecode(b"caf\xe9"))
    assert len(context.survey(tmp_path).not_utf_8) == 3
    assert context.survey(tmp_path, dockerignore.parse("caf?")).not_utf_8 == ("link",)


def test_the_ignore_file_beside_a_link_counts_and_not_the_one_beside_what_it_leads_to(folder):
    (folder / "src" / "Real").write_text("FROM scratch")
    (folder / "src" / "Real.dockerignore").write_text("test")
    (folder / "Dockerfile").symlink_to("src/Real")
    assert context.ignore_file(folder, folder / "Dockerfile") is None
    own = folder / "Dockerfile.dockerignore"
    own.symlink_to("src/own")
    (folder / "src" / "own").write_text("src")
    assert context.ignore_file(folder, folder / "Dockerfile") == own
    assert context.rules(folder, folder / "Dockerfile").decide("src").kept_out


def test_an_ignore_file_that_is_no_file_of_the_folder_does_not_count(folder):
    outside = folder.parent / "list"
    outside.write_text("src")
    for target in ("../list", str(outside), "nowhere", ".dockerignore", "src"):
        (folder / ".dockerignore").symlink_to(target)
        assert context.ignore_file(folder, folder / "Dockerfile") is None
        (folder / ".dockerignore").unlink()
    os.mkfifo(folder / ".dockerignore")
    assert context.rules(folder, folder / "Dockerfile").patterns == ()


@pytest.fixture
def closed(folder, monkeypatch):
    """Make the folder ``node_modules`` one that may not be read, for root as well."""
    scandir = os.scandir

    def scan(path):
        if str(path).endswith("node_modules"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    return folder


def test_a_folder_that_cannot_be_read_is_left_where_it_is_ignored_and_named_where_not(closed):
    ignored = survey(closed, "node_modules")
    assert ignored.unread == ()
    assert ignored.sent_bytes == 3_000_160
    found = survey(closed)
    assert found.unread == ("node_modules",)
    assert [e.path for e in found.sent if e.path.startswith("node_modules")] == ["node_modules"]


def test_the_system_is_asked_about_a_file_that_its_mode_does_not_open_to_its_owner(folder, monkeypatch):
    (folder / "src" / "closed").touch(mode=0o000)
    (folder / "src" / "open").touch(mode=0o400)
    monkeypatch.setattr(os, "access", lambda path, _: os.fspath(path) == os.fspath(folder))
    assert survey(folder).unread == ("src/closed",)
    assert survey(folder, "src").unread == ()


def test_a_pipe_and_a_socket_are_devices_without_bytes_and_are_not_opened(folder):
    os.mkfifo(folder / "src" / "pipe")
    kinds = {entry.path: (entry.kind, entry.bytes) for entry in survey(folder).entries}
    assert kinds["src/pipe"] == ("device", 0)
