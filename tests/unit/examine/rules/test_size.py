"""What in a Dockerfile's text makes its image larger, each rule with a file it finds and one it leaves."""

from __future__ import annotations

import pytest

from helpers.examine.rules import size
from helpers.measure import sample
from tests.unit.examine.projects import of_text


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


def test_development_dependencies_that_ship_are_found():
    assert lines("FROM a\nRUN npm ci\n", "dev-dependencies") == [2]
    assert lines("FROM a\nRUN poetry install\n", "dev-dependencies") == [2]


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nRUN npm ci --omit=dev\n",
        "FROM a\nENV NODE_ENV=production\nRUN npm ci\n",
        "FROM a\nRUN npm ci && npm run build && npm prune --omit=dev\n",
        "FROM a\nRUN npm install -g pm2\n",
        "FROM a AS b\nRUN npm ci\nFROM a\nCOPY --from=b /dist /dist\n",
        "FROM a\nRUN uv sync --no-dev\n",
    ],
)
def test_production_dependencies_are_left(text):
    assert not lines(text, "dev-dependencies")


def test_the_articles_distroless_file_copies_them_and_the_pruned_one_does_not():
    articles = size.check(of_text(sample.dockerfile("distroless").read_text()))
    assert [f.rule for f in articles] == ["dev-dependencies"]
    assert size.check(of_text(sample.dockerfile("distroless_pruned").read_text())) == []


def test_a_recursive_chown_is_found():
    assert lines("FROM a\nCOPY . .\nRUN x && chown -R node:node /app\n", "copied-twice") == [3]
    assert not lines("FROM a\nCOPY --chown=node . .\nRUN chown node /app/x\n", "copied-twice")
    assert not lines("FROM a\nRUN x\nRUN chown -R node /app\n", "copied-twice")
    assert not lines("FROM a\nCOPY a b\nRUN mkdir /d && chown -R node /d\n", "copied-twice")


def test_a_step_that_only_removes_is_found():
    assert lines("FROM a\nRUN x\nRUN rm -rf /x && apt-get clean\n", "removed-later") == [3]
    assert not lines("FROM a\nRUN x && rm -rf /x\nRUN make clean\n", "removed-later")


def test_a_chain_of_stages_may_be_longer_than_pythons_stack():
    chain = "".join(f"FROM s{n} AS s{n + 1}\nRUN npm ci\n" for n in range(1100))
    text = f"FROM a AS s0\n{chain}FROM a\nCOPY --from=s1100 /x/node_modules /y\n"
    assert lines(text, "dev-dependencies") == [2203]
