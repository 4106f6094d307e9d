"""What a context seldom needs, known by its name."""

from __future__ import annotations

from helpers.examine import unwanted


def test_a_folder_is_one_find_with_all_its_bytes_the_heaviest_first():
    files = [("node_modules/a/x", 5), ("node_modules/b", 7), (".git/objects/1", 20), ("src/a.ts", 9)]
    assert [(f.path, f.bytes) for f in unwanted.find(files)] == [(".git", 20), ("node_modules", 12)]


def test_a_folder_deep_inside_gets_a_pattern_for_all_of_its_name():
    (found,) = unwanted.find([("tools/mock/node_modules/x", 5)])
    assert (found.path, found.pattern) == ("tools/mock/node_modules", "**/node_modules")


def test_build_output_is_known_by_the_manifest_beside_it():
    assert [f.path for f in unwanted.find([("Cargo.toml", 1), ("target/a", 5)])] == ["target"]
    assert unwanted.find([("target/a", 5), ("README.md", 1)]) == []


def test_a_large_file_is_worth_a_question():
    assert [f.path for f in unwanted.find([("dump.sql", unwanted.LARGE)])] == ["dump.sql"]
    assert unwanted.find([("dump.sql", unwanted.LARGE - 1)]) == []


def test_what_git_tracks_belongs_to_the_project():
    files = [("package.json", 9), ("dist/site.js", 5), ("coverage/made.html", 7)]
    assert [f.path for f in unwanted.find(files, {"dist/site.js"})] == ["coverage"]
