"""What of a step's log is told: tried on logs recorded of each tool as a build would hold them."""

from pathlib import Path

import pytest

from helpers.buildx import step_log

LOGS = Path(__file__).parent / "logs"
TSC = "src/app.ts(1,14): error TS2322: Type 'string' is not assignable to type 'number'."
TELLING = {
    "apt-no-host": "E: Failed to fetch http://nowhere.invalid/debian/dists/trixie/InRelease",
    "apt-no-such-package": "E: Unable to locate package no-such-package-of-anyone",
    "apt-postinst": "dpkg: error processing package thing (--configure):",
    "gcc-link": "main.c:(.text+0x5): undefined reference to `missing'",
    "make-error": "main.c:3:10: error: ",
    "node-traceback": "Error: Cannot find module 'no-such-module'",
    "npm-10-conflict": "npm error ERESOLVE unable to resolve dependency tree",
    "npm-10-engine": "npm error engine Unsupported engine",
    "npm-10-install-script": "npm error Error: no compiler for the native part",
    "npm-10-lock-out-of-sync": "npm error Missing: is-even@1.0.0 from lock file",
    "npm-10-missing-script": 'npm error Missing script: "buidl"',
    "npm-10-no-package-json": "npm error enoent Could not read package.json",
    "npm-10-no-such-package": "npm error 404 Not Found - GET ",
    "npm-10-no-such-version": "npm error notarget No matching version found for is-odd@99.0.1.",
    "npm-10-node-gyp": "npm error ../src/bufferutil.cc:31:20: error: call of overloaded",
    "npm-10-test": "not ok 1 - adds",
    "npm-10-tsc": TSC,
    "npm-8-lock-out-of-sync": "npm ERR! Missing: is-even@1.0.0 from lock file",
    "npm-8-tsc": TSC,
    "pip-build-fails": "ModuleNotFoundError: No module named 'no_such_module'",
    "pip-compile-fails": "thing.c:1:10: fatal error: no_such_header.h: No such file or directory",
    "pip-conflict": "ERROR: Cannot install requests==2.31.0 and urllib3==1.20 because these package",
    "pip-hashes": "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
    "pip-no-such-version": "ERROR: Could not find a version that satisfies the requirement is-no-package",
    "plain-words": "the licence key is missing",
    "pnpm-9-lock-out-of-sync": "ERR_PNPM_OUTDATED_LOCKFILE\N{THIN SPACE} Cannot install with",
    "pnpm-9-no-such-package": "ERR_PNPM_FETCH_404\N{THIN SPACE} GET ",
    "pnpm-9-tsc": TSC,
    "python-traceback": "ModuleNotFoundError: No module named 'tomllibx'",
    "sh-not-found": "sh: 1: nosuchcommand: not found",
    "tsc": TSC,
    "yarn-1-lock-out-of-sync": "error Your lockfile needs to be updated, but yarn was run with",
    "yarn-1-no-such-package": 'error Couldn\'t find package "no-such-package-of-anyone"',
    "yarn-1-tsc": TSC,
    "yarn-4-lock-out-of-sync": "➤ YN0028: │ The lockfile would have been modified by this install",
    "yarn-4-no-such-package": "➤ YN0035: │ no-such-package-of-anyone@npm:3.0.1: Package not found",
}


def recorded(name: str) -> list[str]:
    return (LOGS / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_every_recorded_log_is_tried():
    assert {path.stem for path in LOGS.glob("*.txt")} == set(TELLING)


@pytest.mark.parametrize(("name", "words"), TELLING.items(), ids=TELLING.keys())
def test_the_line_that_says_what_is_wrong_is_told(name, words):
    assert step_log.telling(recorded(name)).startswith(words)


@pytest.mark.parametrize("name", sorted(TELLING.keys() - {"plain-words"}))
def test_a_tool_that_failed_is_known_by_its_log(name):
    assert step_log.errors(recorded(name))


@pytest.mark.parametrize(
    "chatter",
    [
        "npm notice New major version of npm available! 10.8.2 -> 11.0.0",
        "npm warn deprecated glob@7.2.3: Glob versions prior to v9 are no longer supported",
        "[notice] A new release of pip is available: 23.2.1 -> 24.0",
        "info Visit https://yarn.example/ for documentation about this command.",
    ],
)
@pytest.mark.parametrize("name", ["npm-10-lock-out-of-sync", "npm-10-tsc", "plain-words"])
def test_what_a_tool_says_besides_is_not_told(name, chatter):
    lines = recorded(name)
    assert step_log.telling([chatter, *lines, chatter]) == step_log.telling(lines)


@pytest.mark.parametrize(
    "line",
    [
        "gcc -Werror -o main main.c",
        "npm warn deprecated request@2.88.2: request has been deprecated",
        "added 48 packages in 3s",
        "0 errors, 2 warnings",
        "Selecting previously unselected package libgpg-error0:amd64.",
        "debconf: delaying package configuration, since apt-utils is not installed",
        "copying src/error.js -> dist/error.js",
    ],
)
def test_a_step_that_went_well_printed_no_error(line):
    assert step_log.errors([line]) == []


def test_npm_that_lost_its_way_printed_an_error():
    lines = [
        "npm error Exit handler never called!",
        "npm error This is an error with npm itself. Please report this error at:",
        "npm error A complete log of this run can be found in: /root/.npm/_logs/1-debug-0.log",
    ]
    assert step_log.errors(lines)[0] == lines[0]
    assert step_log.telling(lines) == lines[0]


@pytest.mark.parametrize("lines", [[], ["", "  "]])
def test_a_silent_step_has_no_words(lines):
    assert step_log.telling(lines) == ""


def test_colours_do_not_hide_an_error():
    assert step_log.telling(["\x1b[31merror\x1b[0m Your lockfile", "bye"]) == "error Your lockfile"
