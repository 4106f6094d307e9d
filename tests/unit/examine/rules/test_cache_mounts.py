"""Where a cache mount would keep downloads, and where nothing is to keep or the place is not known."""

from __future__ import annotations

import pytest

from helpers.examine.rules import cache
from tests.unit.examine.projects import of_folder, of_text


def told(text: str) -> list:
    return [f for f in cache.check(of_text(text)) if f.rule == "no-cache-mount"]


def test_an_install_without_a_mount_is_told_with_the_place_of_its_cache():
    (finding,) = told("FROM node:24\nRUN npm ci\n")
    assert finding.line == 2
    assert "--mount=type=cache,target=/root/.npm " in finding.remedy


def test_each_tool_is_told_once_and_the_finding_names_the_other_lines():
    text = "FROM node:24 AS a\nRUN npm ci\nFROM node:24 AS b\nRUN npm ci\nFROM node:24\nRUN npm ci\n"
    text += "COPY --from=a /x /y\nCOPY --from=b /x /y\n"
    (finding,) = told(text)
    assert finding.line == 2
    assert "lines 4 and 6" in finding.sentence


@pytest.mark.parametrize(
    "text",
    [
        "FROM golang:1\nRUN go mod download\nCOPY . .\nRUN go build ./...\n",
        "FROM golang:1\nRUN go get ./...\nCOPY . .\nRUN go build .\n",
        "FROM rust:1\nRUN cargo fetch\nCOPY . .\nRUN cargo build --release\n",
        "FROM mcr.microsoft.com/dotnet/sdk:9.0\nRUN dotnet restore\nCOPY . .\nRUN dotnet publish\n",
    ],
    ids=["Go", "Go by get", "Cargo", ".NET"],
)
def test_a_step_that_fetches_nothing_since_a_layer_above_did_is_left(text):
    (finding,) = told(text)
    assert finding.line == 2
    assert "line 4 too" in finding.remedy  # what the mount holds is not in the layer


def test_what_only_a_mount_holds_is_fetched_again():
    text = "FROM golang:1\nRUN --mount=type=cache,target=/go/pkg/mod go mod download\nRUN go build .\n"
    assert [f.line for f in told(text)] == [3]


@pytest.mark.parametrize(
    "text",
    [
        *("FROM node:24\nUSER node\nRUN npm ci", "FROM me/node\nRUN npm ci", "FROM $BASE\nRUN npm ci"),
        *(
            "FROM node:24\nRUN npm ci --cache /var/x",
            "FROM node:24\nENV npm_config_cache=/x\nRUN npm ci",
        ),
        *("FROM node:24\nRUN yarn install --immutable", "FROM ruby:3\nRUN bundle install"),
        *("FROM node:24\nRUN npm config set cache /x\nRUN npm ci", "FROM debian\nRUN go build ./..."),
    ],
)
def test_another_place_of_the_cache_is_left(text):
    assert not told(f"{text}\n")


@pytest.mark.parametrize(
    "command",
    [
        *("pip install --no-cache-dir -r r.txt", "pip install --no-index -r r.txt", "yarn --version"),
        *("PIP_NO_CACHE_DIR=1 pip install -r r.txt", "npm ci && npm cache clean --force"),
        *("yarn && yarn cache clean", "npm ci && rm -rf /root/.npm", "cargo build --offline"),
        *("pip install flask", "npm install -g pm2", "apt-get install -y curl", "mvn -o package"),
        "mvn -s /usr/share/maven/ref/settings-docker.xml package",
    ],
)
def test_a_cache_that_is_off_emptied_or_not_worth_it_is_left(command):
    assert not told(f"FROM a\nRUN {command}\n")


@pytest.mark.parametrize(
    "text",
    [
        "FROM mcr.microsoft.com/dotnet/sdk:9.0-nanoserver-ltsc2022\nRUN dotnet restore\n",
        "# escape=`\nFROM a\nRUN npm ci\n",
    ],
)
def test_windows_has_its_caches_elsewhere(text):
    assert not told(text)


def test_packages_that_a_later_stage_takes_from_their_place_must_be_in_a_layer():
    text = "FROM maven:3 AS b\nRUN mvn package\nFROM a\nCOPY --from=b /root/.m2 /root/.m2\n"
    assert not told(text)


def test_yarn_of_a_later_release_and_vendored_go_are_known_by_the_context(tmp_path):
    yarn = {"Dockerfile": "FROM node:24\nCOPY . .\nRUN yarn install\n", ".yarnrc.yml": ""}
    go = {
        "Dockerfile": "FROM golang:1\nCOPY . .\nRUN go build .\n",
        "vendor/modules.txt": "",
        "a.go": "",
    }
    for name, files in (("yarn", yarn), ("go", go)):
        found = cache.check(of_folder(tmp_path / name, files))
        assert "no-cache-mount" not in {f.rule for f in found}


def test_packages_that_come_from_another_stage_are_not_fetched_again():
    lines = ["FROM python:3 AS b", "RUN poetry install", "FROM python:3"]
    copy, install = "COPY --from=b /venv /venv", "RUN poetry install"
    (finding,) = told("\n".join([*lines, install, copy]))
    assert "line 4" in finding.sentence
    (finding,) = told("\n".join([*lines, copy, install]))
    assert "same goes for" not in finding.sentence


def test_where_make_may_read_the_packages_from_the_layer_nothing_is_said():
    assert told("FROM golang:1\nRUN go mod download\nRUN go build .\n")
    assert not told("FROM golang:1\nRUN go mod download\nRUN make build\n")
