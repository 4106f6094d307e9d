"""What a context sends that it should not, each rule with a project that it finds and one it leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.examine.findings import Finding, Severity
from helpers.examine.rules import context
from tests.unit.examine.projects import of_folder

SECRET = "DB_PASSWORD=q7Fz29xLm4\n"
KEY = f"-----BEGIN {'PRIVATE'} KEY-----\n"  # in two pieces, so that nobody takes this file for a key
IGNORE = {".dockerignore": "*.log\n"}
HEAVY = "x" * 1_200_000


def found(tmp_path, files: dict[str, str], rule: str = "", **options) -> list[Finding]:
    checked = context.check(of_folder(tmp_path, files, **options))
    return [finding for finding in checked if finding.rule == rule or not rule]


def secret(tmp_path, text: str, files: dict[str, str], **options) -> list[tuple[Severity, int | None]]:
    files = {"Dockerfile": text, **IGNORE, **files}
    return [(f.severity, f.line) for f in found(tmp_path, files, "secret-in-context", **options)]


SHIPS = {
    "copied whole": "FROM a\nCOPY . /x\n",
    "in its folder": "FROM a\nCOPY api /x/\n",
    "named": "FROM a\nCOPY api/.env /x/\n",
    "by a pattern": "FROM a\nCOPY api/.e* /x/\n",
    "by --parents": "FROM a\nCOPY --parents **/.env /x/\n",
    "added": "FROM a\nADD ./api /x\n",
    "copied on from a builder": "FROM a AS b\nCOPY . /src\nFROM c\nCOPY --from=b /src /app\n",
    "copied on from its folder": "FROM a AS b\nWORKDIR /s\nCOPY . .\nFROM c\nCOPY --from=b /s/api /app\n",
    "copied on by name": "FROM a AS b\nCOPY . /src\nFROM c\nCOPY --from=b /src/api/.env /app/\n",
    "copied on twice": "FROM a AS b\nCOPY . /s\nFROM a AS c\nCOPY --from=b /s /t\nFROM d\nCOPY --from=c /t/api /u\n",
    "copied on from a stage on the builder": "FROM a AS b\nCOPY . /s\nFROM b AS c\nFROM d\nCOPY --from=c /s /s\n",
    "in a variable's folder": "FROM a AS b\nENV D=/s\nWORKDIR ${D}\nCOPY . .\nFROM c\nCOPY --from=b $D $D\n",
}


@pytest.mark.parametrize("text", SHIPS.values(), ids=SHIPS)
def test_a_secret_that_reaches_the_image_is_an_error(tmp_path, text):
    ((severity, line),) = secret(tmp_path, text, {"api/.env": SECRET})
    assert severity is Severity.ERROR
    assert "COPY" in text.splitlines()[line - 1] or "ADD" in text.splitlines()[line - 1]


@pytest.mark.parametrize("copy", ["COPY .npmrc ./", "COPY ./.npmrc package.json ./"])
def test_a_secret_that_a_copy_names_is_to_be_mounted(tmp_path, copy):
    files = {"Dockerfile": f"FROM a\n{copy}\n", ".npmrc": "//x/:_authToken=npm_a1b2c3d4e5f6\n"}
    (finding,) = found(tmp_path, {**files, "package.json": "{}"}, "secret-in-context")
    assert "Leave the copy out" in finding.remedy


STAYS = {
    "in a builder": ("FROM a AS b\nCOPY . /s\nFROM c\nCOPY --from=b /s/dist /app\n", 2),
    "excluded from the copy": ("FROM a\nCOPY --exclude=**/.env . /x\n", None),
    "not copied": ("FROM a\nCOPY src /x\n", None),
}


@pytest.mark.parametrize(("text", "line"), STAYS.values(), ids=STAYS)
def test_a_secret_that_stays_out_of_the_image_is_a_hint(tmp_path, text, line):
    assert secret(tmp_path, text, {"api/.env": SECRET}) == [(Severity.HINT, line)]


@pytest.mark.parametrize(("name", "findings"), [(".env", 1), (".env.dev", 0)])
def test_settings_for_development_that_git_tracks_are_no_secret(tmp_path, name, findings):
    sources = of_folder(tmp_path, {"Dockerfile": "FROM a\nCOPY . /x\n", **IGNORE, name: SECRET})
    secrets = tuple(replace(one, tracked=True) for one in sources.context.secrets)
    sources = replace(sources, context=replace(sources.context, secrets=secrets))
    assert len([f for f in context.check(sources) if f.rule == "secret-in-context"]) == findings


def test_a_secret_of_an_image_for_development_is_a_hint(tmp_path):
    text = "FROM a AS dev\nCOPY . .\n"
    assert secret(tmp_path, text, {".env": SECRET}, target="dev") == [(Severity.HINT, 2)]


@pytest.mark.parametrize(
    "files",
    [
        {".env": "PORT=3050\n"},
        {".env.default": "DB_PASSWORD=changeme\n", ".env.license": "MIT License 2020\n"},
        {"ca.pem": "-----BEGIN CERTIFICATE-----\n", "jwt.key": "-----BEGIN PUBLIC KEY-----\n"},
        {"tests/server.key": KEY},
    ],
    ids=["a port", "templates", "public keys", "a test's key"],
)
def test_what_only_bears_a_secrets_name_is_left(tmp_path, files):
    assert not secret(tmp_path, "FROM a\nCOPY . .\n", files)


def test_a_secret_that_is_kept_out_is_left(tmp_path):
    assert not secret(tmp_path, "FROM a\nCOPY . .\n", {".env": SECRET, ".dockerignore": ".env\n"})


def test_several_secrets_of_one_copy_are_one_finding_that_tells_no_value(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\n", **IGNORE, "a/.env": SECRET, "tls.key": KEY}
    (finding,) = found(tmp_path, files, "secret-in-context")
    assert "a/.env and tls.key hold secrets" in finding.sentence
    assert "`a/.env` and `tls.key`" in finding.remedy
    assert "q7Fz29xLm4" not in finding.sentence


def test_without_an_ignore_file_the_finding_names_what_it_would_keep_out(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\nRUN npm ci\n", "package.json": "{}"}
    (finding,) = found(tmp_path, files, "no-ignore-file")
    assert (finding.severity, finding.line) == (Severity.HINT, 2)
    assert "`node_modules`" in finding.remedy
    (finding,) = found(tmp_path, {**files, "node_modules/a/x.js": HEAVY})
    assert (finding.rule, finding.severity) == ("no-ignore-file", Severity.WARNING)
    assert "1.2 MB" in finding.sentence


@pytest.mark.parametrize(
    "files",
    [
        {"Dockerfile": "FROM a\nCOPY . .\n", "nginx.conf": "x"},
        {"Dockerfile": "FROM a\nCOPY package.json ./\n", "package.json": "{}"},
        {"Dockerfile": "FROM a\nCOPY . .\n", "package.json": "{}", ".dockerignore": "node_modules\n"},
    ],
    ids=["nothing comes there", "copies by name", "has one"],
)
def test_an_ignore_file_that_would_keep_out_nothing_is_not_missed(tmp_path, files):
    assert not found(tmp_path, files)


def test_what_the_ignore_file_lets_through_is_one_finding_for_each_copy(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\nRUN npm ci\n", **IGNORE}
    files |= {"node_modules/a.js": HEAVY, "api/node_modules/b.js": HEAVY, ".next/c": HEAVY}
    (finding,) = found(tmp_path, files)
    assert (finding.rule, finding.line) == ("unwanted-in-context", 2)
    assert "into the image" in finding.sentence
    assert "api/node_modules and 1 more like it (2.4 MB" in finding.sentence
    assert finding.remedy == "Add `.next` and `**/node_modules` to the .dockerignore."


MEANT = {
    "a small one": ("COPY . .\nRUN npm ci", {"node_modules/a": "x"}),
    "copied by name": ("COPY build/ /b/\nRUN make", {"build/a": HEAVY, "setup.py": ""}),
    "a file in it copied by name": (
        "COPY target/app.jar /\nRUN x",
        {"target/app.jar": HEAVY, "pom.xml": ""},
    ),
    "read back by the ignore file": ("COPY . .", {".git/x": HEAVY, ".dockerignore": "*\n!.git\n"}),
    "a step reads it": ("COPY . .\nRUN git describe > v", {".git/x": HEAVY}),
    "a step removes it": ("COPY . .\nRUN rm -rf .git", {".git/x": HEAVY}),
    "no step installs": ("COPY . .", {"node_modules/a": HEAVY}),
    "no step builds": ("COPY . .", {"dist/a": HEAVY, "package.json": "{}", **IGNORE}),
    "no copy takes it": ("COPY src /s\nRUN npm ci", {"node_modules/a": HEAVY, "src/a": ""}),
}


@pytest.mark.parametrize(("lines", "files"), MEANT.values(), ids=MEANT)
def test_ballast_that_is_meant_or_costs_nothing_is_left(tmp_path, lines, files):
    assert not found(tmp_path, {"Dockerfile": f"FROM a\n{lines}\n", **IGNORE, **files})


def test_a_compiler_in_a_builder_may_read_gits_history(tmp_path):
    text = "FROM a AS b\nCOPY . /s\nRUN {}\nFROM c\nCOPY --from=b /s/app /app\n"
    files = {**IGNORE, ".git/x": HEAVY}
    assert not found(tmp_path, {"Dockerfile": text.format("go build -o app"), **files})
    (finding,) = found(tmp_path, {"Dockerfile": text.format("npm run build"), **files})
    assert finding.rule == "unwanted-in-context"


def test_gits_history_in_the_image_is_told_whatever_it_weighs(tmp_path):
    (finding,) = found(tmp_path, {"Dockerfile": "FROM a\nCOPY . .\n", **IGNORE, ".git/x": "x"})
    assert finding.severity is Severity.HINT


def test_a_large_file_that_no_copy_takes_can_be_sent(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY src /s\n", "src/a": "", "a.log": HEAVY * 9}
    (finding,) = found(tmp_path, files)
    assert (finding.severity, finding.line) == (Severity.HINT, None)
    assert "can be sent" in finding.sentence


def test_a_developers_env_that_would_ship_is_a_hint_where_there_will_be_one(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\n", **IGNORE, ".env.example": ""}
    (finding,) = found(tmp_path, files)
    assert (finding.rule, finding.severity, finding.line) == ("env-let-through", Severity.HINT, 2)


@pytest.mark.parametrize(
    "changed",
    [
        {".dockerignore": ".env\n"},
        {"Dockerfile": "FROM a\nCOPY src .\n", "src/a": ""},
        {"Dockerfile": "FROM a\nCOPY . .\nRUN cp .env.example .env\n"},
        {"Dockerfile": "FROM a AS b\nCOPY . /s\nFROM c\nCOPY --from=b /s/dist /\n"},
        {".env": "PORT=1\n"},
    ],
    ids=["kept out", "not copied", "handled", "only in a builder", "it is there and harmless"],
)
def test_an_env_that_would_not_ship_is_left(tmp_path, changed):
    files = {"Dockerfile": "FROM a\nCOPY . .\n", **IGNORE, ".env.example": "", **changed}
    assert not found(tmp_path, files)


def test_a_context_that_is_not_the_one_meant_is_the_only_finding(tmp_path):
    files = {"docker/Dockerfile": "FROM a\nCOPY package.json ./\nCOPY . .\n", "package.json": "{}"}
    inner = of_folder(tmp_path, files, "docker/Dockerfile", context=tmp_path / "docker")
    (finding,) = context.check(inner)
    assert (finding.rule, finding.line) == ("other-context", 2)
    assert f"--context {tmp_path}" in finding.remedy
    outer = of_folder(tmp_path, files, "docker/Dockerfile", context=tmp_path)
    assert [f.rule for f in context.check(outer)] == ["no-ignore-file"]
