"""Which program is process 1, and in which mode it runs."""

from __future__ import annotations

import json

import pytest

from helpers.examine.findings import Severity
from helpers.examine.rules import start
from tests.unit.examine.projects import of_folder, of_text

SCRIPT = "#!/bin/sh\nset -e\necho ready\n"


def told(text: str, rule: str = "no-exec") -> list:
    return [f for f in start.check(of_text(text)) if f.rule == rule]


def told_of(folder, text: str, files: dict, rule: str) -> list:
    written = {name: x if isinstance(x, str) else json.dumps(x) for name, x in files.items()}
    return [f for f in start.check(of_folder(folder, {**written, "Dockerfile": text})) if f.rule == rule]


def test_a_shell_as_process_1_is_found_and_the_json_form_written_out():
    (finding,) = told("FROM python:3-slim\nCMD gunicorn app:app\n")
    assert (finding.line, finding.severity) == (2, Severity.WARNING)
    assert '`CMD ["gunicorn", "app:app"]`' in finding.remedy


@pytest.mark.parametrize(
    ("last", "remedy"),
    [
        ("CMD gunicorn --bind :$PORT app", "`exec gunicorn --bind :$PORT app`"),
        ("CMD python migrate.py && gunicorn app", "`exec gunicorn app`"),
        ('CMD ["sh", "-c", "gunicorn -b :$PORT app"]', "`exec gunicorn -b :$PORT app`"),
        ("CMD A=$B gunicorn app", "`A=$B exec gunicorn app`"),
        ("ENTRYPOINT java -jar a.jar", '`ENTRYPOINT ["java", "-jar", "a.jar"]`'),
    ],
)
def test_where_the_shell_is_needed_exec_takes_its_place(last, remedy):
    assert remedy in told(f"FROM python:3-slim\n{last}\n")[0].remedy


@pytest.mark.parametrize(
    "text",
    [
        'FROM python:3\nCMD ["gunicorn", "app"]',
        "FROM python:3\nCMD exec gunicorn app",
        "FROM python:3-alpine\nCMD gunicorn app",  # busybox gives its place to the last command
        "FROM fedora\nCMD gunicorn app",  # so does bash
        'FROM python:3\nSHELL ["/bin/bash", "-c"]\nCMD gunicorn app',
        'FROM python:3\nENTRYPOINT ["tini", "--"]\nCMD gunicorn app',
        "FROM me/python\nCMD gunicorn app",
        "FROM python:3\nCMD trap stop TERM; gunicorn app & wait",
        "FROM python:3 AS dev\nCMD gunicorn app",
        "FROM python:3\nCMD echo done",
    ],
)
def test_what_gets_the_signal_or_is_not_known_is_left(text):
    assert not told(f"{text}\n")


SCRIPTED = 'FROM {}\nCOPY run.sh /\nEXPOSE 80\n{} ["/run.sh"]\n'


@pytest.mark.parametrize("last", ["node a.js", '"$@"', "./server --port 80"])
@pytest.mark.parametrize("base", ["node:24-slim", "alpine:3"])
def test_a_script_that_waits_for_its_last_command_is_found(tmp_path, last, base):
    text = SCRIPTED.format(base, "ENTRYPOINT")
    (finding,) = told_of(tmp_path, text, {"run.sh": f"{SCRIPT}{last}\n"}, "no-exec")
    assert f"Write `exec {last}`" in finding.remedy
    assert finding.line == 4


@pytest.mark.parametrize(
    "script",
    [
        *(
            f"{SCRIPT}exec node a.js\n",
            f"{SCRIPT}node a.js &\nwait\n",
            f"{SCRIPT}trap x TERM\nnode a.js\n",
        ),
        *(
            f"{SCRIPT}if x; then\n node a.js\nfi\n",
            f"{SCRIPT}cp a b\n",
            "#!/usr/bin/env ruby\nrun\n",
            "",
        ),
    ],
)
def test_a_script_that_hands_over_or_ends_is_left(tmp_path, script):
    assert not told_of(tmp_path, SCRIPTED.format("alpine", "CMD"), {"run.sh": script}, "no-exec")


def test_a_script_that_is_not_copied_says_nothing(tmp_path):
    text = 'FROM alpine\nEXPOSE 80\nCMD ["/run.sh"]\n'
    assert not told_of(tmp_path, text, {"run.sh": f"{SCRIPT}node a.js\n"}, "no-exec")


def npm(folder, scripts: dict, base: str = "node:24-slim") -> list:
    text = f'FROM {base}\nCOPY package.json ./\nCMD ["npm", "start"]\n'
    return told_of(folder, text, {"package.json": {"scripts": scripts}}, "package-manager-starts")


def test_npm_as_process_1_is_found_with_what_it_runs(tmp_path):
    (finding,) = npm(tmp_path, {"start": "node dist/a.js"})
    assert finding.severity is Severity.WARNING
    assert '`CMD ["node", "dist/a.js"]`' in finding.remedy
    (finding,) = npm(tmp_path, {"start": "node a.js"}, "node:24-alpine")
    assert finding.severity is Severity.HINT  # its shell hands over, so the signal arrives


def test_the_script_of_a_workspace_is_named(tmp_path):
    text = "FROM node:24-slim\nWORKDIR /a\nCOPY . .\nCMD yarn workspace web start\n"
    (finding,) = told_of(tmp_path, text, {"package.json": {}}, "package-manager-starts")
    assert "what the script `start` of package.json runs" in finding.remedy


@pytest.mark.parametrize(
    "scripts",
    [{"start": "next start"}, {"start": "node a && node b"}, {"prestart": "x", "start": "node a"}],
)
def test_a_script_that_one_command_does_not_replace_is_only_named(tmp_path, scripts):
    (finding,) = npm(tmp_path, scripts)
    assert "the script `start`" in finding.remedy
    assert "CMD [" not in finding.remedy


def test_npms_own_start_is_known_where_one_manifest_has_none(tmp_path):
    (finding,) = npm(tmp_path, {})
    assert '`CMD ["node", "server.js"]`' in finding.remedy


def test_of_several_manifests_nobody_knows_which_one_starts(tmp_path):
    files = {name: {"scripts": {"start": "node a.js"}} for name in ("package.json", "web/package.json")}
    text = 'FROM node:24-slim\nCOPY . .\nCMD ["npm", "start"]\n'
    (finding,) = told_of(tmp_path, text, files, "package-manager-starts")
    assert "the script `start`" in finding.remedy


def test_a_start_for_development_is_left(tmp_path):
    assert not npm(tmp_path, {"start": "nodemon a.js"})


EXPRESS = {"package.json": {"dependencies": {"express": "5"}}}
SERVER = 'FROM node:24-slim\nCOPY package.json ./\n{}CMD ["node", "a.js"]\n'


def test_express_without_a_mode_is_found(tmp_path):
    (finding,) = told_of(tmp_path, SERVER.format(""), EXPRESS, "node-env-unset")
    assert (finding.line, finding.severity) == (3, Severity.HINT)


@pytest.mark.parametrize("line", ["ENV NODE_ENV=production\n", "ENV NODE_ENV $MODE\n", "COPY .env ./\n"])
def test_a_mode_that_is_set_or_may_be_set_is_left(tmp_path, line):
    assert not told_of(tmp_path, SERVER.format(line), EXPRESS, "node-env-unset")


def test_without_express_or_the_start_of_node_nothing_is_said(tmp_path):
    other = {"package.json": {"devDependencies": {"express": "5"}}}
    assert not told_of(tmp_path, SERVER.format(""), other, "node-env-unset")
    text = SERVER.format("").replace('["node", "a.js"]', '["./a"]')
    assert not told_of(tmp_path, text, EXPRESS, "node-env-unset")
