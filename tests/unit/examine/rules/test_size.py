"""What in a Dockerfile's text makes its image larger, each rule with a file it finds and one it leaves."""

from __future__ import annotations

import pytest

from helpers.examine.rules import size
from helpers.measure import sample
from tests.unit.examine.projects import of_folder, of_text


def told(text: str, rule: str) -> list:
    return [f for f in size.check(of_text(text)) if f.rule == rule]


def lines(text: str, rule: str) -> list[int | None]:
    return [f.line for f in size.check(of_text(text)) if f.rule == rule]


@pytest.mark.parametrize(
    "command", ["npm run build", "go build ./...", "make -j4", "gcc -o a a.c", "tsc"]
)
def test_a_compiler_in_the_stage_that_ships_is_found(command):
    assert lines(f"FROM a\nRUN {command}\n", "one-stage") == [2]


def test_a_second_stage_or_nothing_to_compile_is_left():
    assert not lines("FROM a AS b\nRUN make\nFROM scratch\nCOPY --from=b /x /x\n", "one-stage")
    assert not lines("FROM a\nRUN pip install -r requirements.txt\n", "one-stage")
    assert not lines("FROM a\nRUN apk add make && make && apk del make\n", "one-stage")


def test_the_articles_distroless_file_copies_them_and_the_pruned_one_does_not():
    articles = size.check(of_text(sample.dockerfile("distroless").read_text()))
    assert [f.rule for f in articles] == ["dev-dependencies"]
    assert size.check(of_text(sample.dockerfile("distroless_pruned").read_text())) == []


def test_a_recursive_chown_of_what_was_copied_is_found():
    text = "FROM a\nWORKDIR /app\nCOPY . .\nRUN x && chown -R node:node /app\n"
    (finding,) = told(text, "copied-twice")
    assert finding.line == 4
    assert "`COPY --chown=node:node …`" in finding.remedy
    assert "needs its `chown` too, without `-R`" in finding.remedy
    assert not lines("FROM a\nCOPY --chown=node . .\nRUN chown node /app/x\n", "copied-twice")
    assert not lines("FROM a\nRUN x\nRUN chown -R node /app\n", "copied-twice")


@pytest.mark.parametrize(
    "command",
    [
        *(
            "chown -Rf node .",
            "chmod -R 755 /app",
            "useradd node && chown -R node .",
            "chown -hR node ./",
        ),
        *("mkdir /d && chown -R node /d /app", "chown --recursive node /app"),
    ],
)
def test_neither_other_flags_nor_a_user_made_in_the_step_hide_it(command):
    assert lines(f"FROM a\nWORKDIR /app\nCOPY . .\nRUN {command}\n", "copied-twice") == [4]


@pytest.mark.parametrize(
    "command",
    ["mkdir /d && chown -R node /d", "chown -R node /var/cache", "chown -R node $X", "cp -a a b"],
)
def test_what_no_copy_brought_is_left(command):
    assert not lines(f"FROM a\nCOPY . /app\nRUN {command}\n", "copied-twice")


def test_files_copied_on_from_a_passing_place_are_stored_twice():
    text = "FROM a AS b\nFROM a\nCOPY --from=b /x /tmp/app\nRUN cp -a /tmp/app /srv\n"
    assert lines(text, "copied-twice") == [4]


@pytest.mark.parametrize(("many", "findings"), [(12_000, 0), (2_000_000, 1)])
def test_few_bytes_do_not_matter(tmp_path, many, findings):
    text = "FROM a\nCOPY . /app\nRUN chown -R node /app\n"
    found = size_of(tmp_path, text, {"data": "x" * many})
    assert len(found) == findings
    text = "FROM a\nCOPY . /app\nRUN npm ci\nRUN chown -R node /app\n"
    (finding,) = size_of(tmp_path, text, {"data": "x"})
    assert "Run the install below a `USER` line" in finding.remedy


def test_a_settings_file_of_another_stage_is_small():
    text = "FROM a AS b\nFROM a\nCOPY --from=b /x/{} /etc/x/\nRUN chown -R node /etc/x\n"
    assert not lines(text.format("a.json"), "copied-twice")
    assert lines(text.format("a"), "copied-twice") == [4]


def size_of(folder, text: str, files: dict) -> list:
    found = size.check(of_folder(folder, {**files, "Dockerfile": text}))
    return [f for f in found if f.rule == "copied-twice"]


def test_all_steps_that_store_again_are_one_finding():
    text = "FROM a\nCOPY . /app\nRUN chown -R node /app\nRUN chmod -R 755 /app\n"
    (finding,) = told(text, "copied-twice")
    assert "line 4" in finding.sentence


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nRUN make /big\nRUN rm -rf /big\n",
        "FROM a\nRUN apt-get install -y x\nRUN apt-get clean && rm -rf /var/lib/apt/lists/*\n",
        "FROM a\nCOPY . .\nRUN rm -r samples\n",
    ],
)
def test_a_step_that_only_removes_what_a_layer_above_made_is_found(text):
    assert lines(text, "removed-later") == [3]


@pytest.mark.parametrize(
    "text",
    [
        *("FROM a\nRUN x && rm -rf /x\nRUN make clean\n", "FROM a\nRUN rm /etc/nginx/default.conf\n"),
        "FROM a\nRUN rm -rf /usr/lib/node_modules/npm\nRUN plugin remove x\n",
    ],
)
def test_what_the_base_brings_may_be_removed(text):
    assert not lines(text, "removed-later")


@pytest.mark.parametrize(
    ("base", "slim"),
    [
        *(("node:24", "node:24-slim"), ("python", "python:slim"), ("ruby:latest", "ruby:slim")),
        ("docker.io/library/node:24-trixie", "node:24-trixie-slim"),
    ],
)
def test_a_full_size_base_that_ships_is_found_with_its_slim_image(base, slim):
    (finding,) = told(f"FROM {base} AS b\nFROM {base}\nCOPY --from=b /x /x\n", "full-size-base")
    assert finding.line == 2
    assert f"`{slim}`" in finding.remedy


@pytest.mark.parametrize(
    "text",
    [
        *(
            "FROM node:24-slim",
            "FROM node:24-alpine",
            "FROM golang:1",
            "FROM me/node:24",
            "FROM node AS dev",
        ),
        *("FROM node:24 AS b\nFROM node:24-slim", "FROM python:3-windowsservercore"),
    ],
)
def test_a_small_base_or_one_that_only_builds_is_left(text):
    assert not lines(f"{text}\n", "full-size-base")


def test_one_stage_that_builds_is_one_finding_and_not_two():
    text = "FROM node:24\nRUN npm run build\n"
    assert lines(text, "one-stage")
    assert not lines(text, "full-size-base")


def test_what_the_slim_image_lacks_is_named():
    text = "FROM node:24\nHEALTHCHECK CMD curl -f http://localhost/\n"
    assert "install curl there" in told(text, "full-size-base")[0].remedy
    text = f"FROM node:24\nRUN apt-get update && apt-get install -y curl\n{text.partition(chr(10))[2]}"
    assert "curl" not in told(text, "full-size-base")[0].remedy


def test_an_image_for_development_has_its_compiler_on_purpose():
    assert not lines("FROM a AS dev\nRUN make\n", "one-stage")


def test_a_chain_of_stages_may_be_longer_than_pythons_stack():
    chain = "".join(f"FROM s{n} AS s{n + 1}\nRUN npm ci\n" for n in range(1100))
    text = f"FROM a AS s0\n{chain}FROM a\nCOPY --from=s1100 /x/node_modules /y\n"
    assert lines(text, "dev-dependencies") == [2203]


def test_an_install_elsewhere_puts_nothing_beside_the_copied_files(tmp_path):
    text = "FROM a\nWORKDIR /app\nCOPY . .\nRUN {}\nRUN chown -R me /app\n"
    for install, expected in (("npm ci", [5]), ("pip install -r requirements.txt", [])):
        sources = of_folder(tmp_path, {"Dockerfile": text.format(install), "package.json": "{}"})
        assert [f.line for f in size.check(sources) if f.rule == "copied-twice"] == expected


def test_a_small_file_that_is_removed_is_left(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\nRUN rm data.csv\n", "data.csv": "1"}
    assert not [f for f in size.check(of_folder(tmp_path, files)) if f.rule == "removed-later"]
    files["data.csv"] = "1" * 2_000_000
    assert [f for f in size.check(of_folder(tmp_path, files)) if f.rule == "removed-later"]


def test_a_tool_that_a_later_step_uses_is_not_one_that_an_install_names():
    text = "FROM ruby:3.4\nRUN apt-get install -y vim && true\nRUN curl -s https://a.example | sh\n"
    assert "install curl there" in told(text + "CMD rails s\n", "full-size-base")[0].remedy


def test_an_image_that_only_builds_something_has_its_compiler_on_purpose(tmp_path):
    files = {"Dockerfile": "FROM debian\nRUN make\n"}
    assert not [f for f in size.check(of_folder(tmp_path, files)) if f.rule == "one-stage"]


def test_an_install_that_may_compile_is_to_keep_its_base():
    text = 'FROM ruby:3.4\nRUN gem install pg && echo "\\n#" >> Gemfile && bundle install\nCMD rails s\n'
    assert "keep it on this base" in told(text, "full-size-base")[0].remedy


def test_an_image_below_a_folder_of_tests_is_one_for_tests(tmp_path):
    files = {"Dockerfile": 'FROM node:24\nCOPY . .\nCMD ["node", "a.js"]\n', "a.js": ""}
    for folder, expected in (("__tests__/e2e/peer", []), ("services/peer", ["full-size-base"])):
        found = size.check(of_folder(tmp_path / folder, files))
        assert [f.rule for f in found] == expected
