"""What a context seldom needs, known by its name."""

from __future__ import annotations

import pytest

from helpers.examine import unwanted


@pytest.mark.parametrize("path", [".env", ".env.local", "a/.env.production", "id_rsa", "tls/site.key"])
def test_names_that_secrets_bear(path):
    assert unwanted.is_secret(path)
    (found,) = unwanted.find([(path, 10)])
    assert found.secret
    assert found.pattern == path


@pytest.mark.parametrize("path", [".env.example", "id_rsa.pub", "src/env.ts", "keys.md", "monkey"])
def test_names_that_they_do_not(path):
    assert not unwanted.is_secret(path)
    assert unwanted.find([(path, 10)]) == []


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
