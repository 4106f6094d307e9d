"""A base is a finding once its line gets no more fixes, and none where nobody knows its line."""

from dataclasses import replace
from datetime import date

import pytest

from helpers.examine.credentials import Secret
from helpers.examine.findings import Severity
from helpers.examine.report import BuiltImage, Hidden
from helpers.examine.rules import image
from tests.unit.examine.projects import of_text

TODAY = date(2026, 11, 30)


def found(text: str, on: date = TODAY, target: str | None = None):
    return image.check_bases(of_text(text, target), on)


def test_a_base_past_its_end_says_since_when_and_what_is_alive():
    (finding,) = found("# a comment\nFROM node:18-alpine3.18\n")
    assert (finding.line, finding.severity) == (2, Severity.WARNING)
    assert "Node 18 is past its end of life since 2025-04-30" in finding.sentence
    assert "Alpine 3.18 is past its end of life since 2025-05-09" in finding.sentence
    assert finding.remedy.endswith("Node 26, Alpine 3.24.")


@pytest.mark.parametrize(
    ("day", "findings"), [(date(2026, 4, 30), 0), (date(2026, 5, 1), 1)], ids=["last day", "day after"]
)
def test_the_last_day_of_fixes_is_still_supported(day, findings):
    assert len(found("FROM node:20-trixie\n", day)) == findings


def test_distroless_is_past_its_end_where_nobody_builds_it_any_more():
    (finding,) = found("FROM gcr.io/distroless/nodejs24-debian12\n", date(2026, 3, 1))
    assert (
        "distroless for Node on Debian 12 is past its end of life since 2026-02-27" in finding.sentence
    )
    assert "distroless for Node on Debian 13" in finding.remedy


def test_a_system_that_still_gets_long_term_support_is_told_only_beside_what_gets_none():
    assert not found("FROM node:24-bookworm-slim\n")
    (finding,) = found("FROM node:20-bookworm-slim\n")
    assert finding.severity is Severity.WARNING
    assert "long-term support ends on 2028-06-30" in finding.sentence


@pytest.mark.parametrize(
    ("base", "told", "remedy"),
    [
        ("python:3.8-slim", "Python 3.8", "Python 3.14"),
        ("golang:1.20", "Go 1.20", "Go 1.27"),
        ("php:7.4-apache", "PHP 7.4", "PHP 8.5"),
        ("ruby:2.7.8", "Ruby 2.7", "Ruby 4.0"),
        ("mcr.microsoft.com/dotnet/runtime:7.0", ".NET 7", ".NET 10"),
        ("ubuntu:20.04", "Ubuntu 20.04", "Ubuntu 26.04"),
    ],
)
def test_lines_of_other_languages_and_systems_are_known(base, told, remedy):
    (finding,) = found(f"FROM {base}\n")
    assert f"{told} is past its end of life since " in finding.sentence
    assert finding.remedy.endswith(f": {remedy}.")


def test_a_base_that_only_builds_is_a_hint_and_one_that_ships_a_warning():
    text = "FROM node:20 AS builder\nFROM node:20-alpine\nCOPY --from=builder /a /a\n"
    assert [(f.line, f.severity) for f in found(text)] == [(1, Severity.HINT), (2, Severity.WARNING)]


def test_a_base_that_builds_and_ships_is_one_finding_in_the_line_that_ships():
    text = "FROM node:20 AS builder\nFROM node:20\nCOPY --from=builder /a /a\n"
    assert [(f.line, f.severity) for f in found(text)] == [(2, Severity.WARNING)]


def test_a_builder_with_the_same_ended_lines_is_named_in_the_finding_on_what_ships():
    text = "FROM golang:1.20 AS builder\nFROM golang:1.20-alpine\nCOPY --from=builder /a /a\n"
    (finding,) = found(text)
    assert (finding.line, finding.severity) == (2, Severity.WARNING)
    assert finding.sentence.endswith("The same goes for line 1.")


def test_a_base_in_an_argument_is_read_as_the_build_reads_it():
    assert found("ARG NODE=18\nFROM node:${NODE}-alpine\n")


def test_a_stage_that_the_target_does_not_need_is_left():
    assert not found("FROM node:24-trixie AS app\nFROM node:18 AS old\n", target="app")


@pytest.mark.parametrize(
    "base", ["node:24-trixie-slim", "node", "node:lts", "python:3.14", "alpine", "scratch", "node:99"]
)
def test_of_what_is_supported_or_unknown_nothing_is_said(base):
    assert not found(f"FROM {base}\n")


NODE = 'FROM node:24-trixie-slim\nCMD ["node", "a.js"]\n'
ROOT = {
    "a base that is root": (NODE, 2, "`USER node` above line 2"),
    "the last USER": ("FROM b\nUSER root\nEXPOSE 80\nCMD app\n", 2, "`USER 65532` in place of line 2"),
    "scratch": ('FROM scratch\nEXPOSE 80\nENTRYPOINT ["/app"]\n', 3, "`USER 65532` above line 3"),
    "distroless": ("FROM gcr.io/distroless/static\nEXPOSE 80\nCMD app\n", 3, "`USER 65532`"),
    "a user nobody uses": ("FROM debian\nRUN useradd me\nCMD uvicorn app:app\n", 3, "`USER 65532`"),
}


@pytest.mark.parametrize(("text", "line", "remedy"), ROOT.values(), ids=ROOT)
def test_a_program_that_runs_as_root_is_a_hint(text, line, remedy):
    (finding,) = image.check_user(of_text(text))
    assert (finding.rule, finding.severity, finding.line) == ("runs-as-root", Severity.HINT, line)
    assert remedy in finding.remedy


def test_a_program_below_the_home_of_root_has_to_move_first():
    (finding,) = image.check_user(of_text("FROM alpine\nWORKDIR /root/\nEXPOSE 80\nCMD ./a\n"))
    assert finding.remedy.endswith("Move what it needs of /root first, which only root can read.")


NOT_ROOT = {
    "a user": "FROM node\nUSER node\nCMD node a.js\n",
    "a user of the stage below": "FROM node AS a\nUSER node\nFROM a\nCMD node a.js\n",
    "a user in a variable": "FROM node\nUSER $APP_USER\nCMD node a.js\n",
    "a base whose user is not known": "FROM company/base\nEXPOSE 80\nCMD node a.js\n",
    "distroless without root": "FROM gcr.io/distroless/static:nonroot\nEXPOSE 80\nCMD app\n",
    "nothing is started": "FROM node\nEXPOSE 80\n",
    "a tool": 'FROM alpine\nENTRYPOINT ["/usr/bin/tool"]\n',
    "it gives its rights up": "FROM debian\nEXPOSE 80\nCMD gosu app /app\n",
    "it may give its rights up": "FROM debian\nRUN useradd me\nEXPOSE 80\nCMD /app\n",
    "it sets up the network": "FROM node\nRUN apk add iptables\nEXPOSE 80\nCMD node a.js\n",
    "a server that does so itself": "FROM debian\nRUN apt-get install nginx\nEXPOSE 80\nCMD nginx\n",
    "for development": "FROM node\nEXPOSE 80\nCMD nodemon a.js\n",
    "a builder's USER counts not": "FROM node AS b\nUSER root\nFROM company/base\nEXPOSE 80\nCMD a\n",
}


@pytest.mark.parametrize("text", NOT_ROOT.values(), ids=NOT_ROOT)
def test_where_the_text_does_not_tell_nothing_is_said_of_the_user(text):
    assert not image.check_user(of_text(text))


COPIED_TWICE = 'FROM a\nCOPY . /app\nRUN chown -R node \\\n  /app\nCMD ["app"]\n'


def built(
    hidden: tuple[Hidden, ...] = (), secrets: tuple[Secret, ...] = (), user: str = "app"
) -> BuiltImage:
    return BuiltImage("t", user, (), (), secrets, 1.0, 0, 1, hidden)


def test_bytes_decide_whether_files_that_are_stored_twice_are_told():
    sources = of_text(COPIED_TWICE)
    small = Hidden("COPY . /app", "RUN chown -R node /app", "replaced", 12_000)
    assert not image.check(sources, built((small,)))
    (finding,) = image.check(sources, built((replace(small, bytes=34_100_000),)))
    assert (finding.rule, finding.line, finding.severity) == ("copied-twice", 3, Severity.WARNING)
    assert "34.1 MB" in finding.sentence
    assert "`COPY . /app` stored already" in finding.sentence


HIDES = {
    "RUN rm -r /big": ("deleted", "removed-later"),
    "RUN mv /app /srv": ("deleted", "removed-later"),
    "RUN adduser x && cp -a /a/. /b": ("replaced", "copied-twice"),
    "RUN npm prune": ("replaced", "hidden-bytes"),
    "COPY . .": ("replaced", "hidden-bytes"),
}


@pytest.mark.parametrize(("by", "how", "rule"), [(k, *v) for k, v in HIDES.items()], ids=HIDES)
def test_what_a_later_step_hides_is_one_finding_of_that_step(by, how, rule):
    hidden = tuple(Hidden(below, by, how, 900_000) for below in ("COPY . .", "RUN x"))
    (finding,) = image.check(of_text("FROM a\n"), built(hidden))
    assert (finding.rule, finding.line) == (rule, None)
    assert "1.8 MB" in finding.sentence


def test_secrets_in_an_image_are_one_error_unless_the_context_told_them():
    image_of = built(secrets=(Secret("/app/.env", "`KEY`"), Secret("/app/id_rsa", "a private key")))
    (finding,) = image.check(of_text("FROM a\n"), image_of)
    assert (finding.rule, finding.severity) == ("secret-in-image", Severity.ERROR)
    assert not image.check(of_text("FROM a\n"), image_of, {"secret-in-context"})


def test_the_image_knows_its_user_where_the_text_does_not():
    text = "FROM company/base\nEXPOSE 80\nCMD node a.js\n"
    assert image.check_user(of_text(text), built(user="root"))
    assert not image.check_user(of_text(NODE), built(user="node"))
