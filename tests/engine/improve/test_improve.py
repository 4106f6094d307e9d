"""Improvements on a real engine: what is proven is kept, what only seems so is not, nothing is left."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
from pathlib import Path

import pytest

from helpers import examine, improve
from helpers.engine import ContainerError
from helpers.host import workspace
from helpers.host.errors import StoppedByReaderError
from helpers.improve import Outcome, command, rules, trial
from helpers.improve.draft import Change, Edit

pytestmark = pytest.mark.engine

SERVER = """
const http = require('node:http'), fs = require('node:fs');
%s
http.createServer((request, response) => {
  response.setHeader('content-type', 'text/html');
  %s
}).listen(3000);
"""
FILE = 'FROM node:20-alpine\nWORKDIR /app\nCOPY . .\nCMD ["node", "server.js"]\n'


@pytest.fixture(autouse=True)
def _own_tag(monkeypatch, new_tag):
    """Give each test names of its own: the workbook's may be in use by a reader."""
    base = new_tag().replace(":", "-")
    monkeypatch.setattr(trial, "TAG", base)
    yield
    from helpers import engine

    client = engine.find().client
    for image in client.images.list(filters={"reference": base}):
        client.images.remove(image.id, force=True)


@pytest.fixture
def app(tmp_path):
    """Write an app: the statements at its start, what it does for a request, and its Dockerfile."""

    def write(begin: str, answer: str, file: str = FILE, **files: str) -> Path:
        (tmp_path / "server.js").write_text(SERVER % (begin, answer))
        (tmp_path / "Dockerfile").write_text(file)
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


@pytest.fixture
def only(monkeypatch):
    """Let one change be proposed: a line that is added at the end of the Dockerfile."""

    def propose(line: str, *, at: int | None = None, takes_away: bool = False) -> None:
        def proposer(draft):
            if line in draft.text:
                return None
            place = at or len(draft.text.splitlines()) + 1
            changed = draft.edited([Edit(place, place - 1, (line,))])
            return Change("tried", "A reason.", (place,), changed, "a property", takes_away)

        monkeypatch.setattr(rules, "ORDER", (proposer,))

    return propose


def fingerprint(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path} {path.lstat().st_mode} {path.lstat().st_mtime_ns}".encode())
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def improved(folder: Path, **wishes):
    before = fingerprint(folder)
    found = improve.improve(examine.find(folder), **wishes)
    assert fingerprint(folder) == before
    assert not found.failure
    assert found.builds <= len(found.steps) + 2
    return found


def outcome(found):
    (step,) = found.steps
    return step.outcome, step.why


def test_an_app_that_answers_every_path_alike_is_told_so_and_its_body_counts(app, only):
    folder = app("", "response.end(fs.existsSync('/app/page') ? 'page' : 'sorry');", page="x")
    only("RUN rm page")
    found = improved(folder)
    assert outcome(found) == (Outcome.DROPPED, "GET / gets another body.")
    assert any("answers every path alike" in note for note in found.notes)
    assert not found.patch


def test_an_app_that_listens_and_then_dies_is_not_kept(app, only):
    begin = (
        "if (!fs.existsSync('/app/needed')) setTimeout(() => { throw new Error('no needed') }, 1500);"
    )
    folder = app(begin, "response.end('ok');", needed="x")
    only("RUN rm needed")
    kept, why = outcome(improved(folder))
    assert kept is Outcome.DROPPED
    assert "ended with code 1" in why
    assert "no needed" in why


def test_a_page_with_the_time_and_a_random_word_is_compared_in_the_rest(app, only):
    folder = app("", "response.end(`<p>${Date.now()} ${Math.random()}</p><b>hello</b>`);")
    only("ENV HARMLESS=1")
    found = improved(folder)
    assert outcome(found)[0] is Outcome.KEPT
    assert any("varies by itself" in note for note in found.notes)
    only("RUN sed -i s/hello/sorry/ server.js")
    assert outcome(improved(folder)) == (Outcome.DROPPED, "GET / gets another body.")


def test_the_report_claims_no_more_than_it_tried(app, only):
    folder = app("", "response.end(request.url === '/third' ? require('/app/third.js') : 'ok');")
    (folder / "third.js").write_text("module.exports = 'three'")
    only("RUN rm third.js")
    found = improved(folder)
    assert outcome(found)[0] is Outcome.KEPT
    assert "answered 2 requests like before" in found.proof
    assert "works" not in str(found)
    asked = improved(folder, probes=["GET /third"])
    assert outcome(asked)[0] is Outcome.DROPPED


def test_a_build_that_is_not_deterministic_is_known_from_another_build(app, only):
    made = "RUN node -e \"fs.writeFileSync('id', String(Math.random()))\""
    folder = app(
        "", "response.end(`<p>${fs.readFileSync('/app/id')}</p>`);", FILE.replace("CMD", f"{made}\nCMD")
    )
    only("ENV HARMLESS=1", at=2)
    found = improved(folder)
    assert outcome(found)[0] is Outcome.KEPT
    assert found.builds <= 3


def test_a_start_that_fails_without_its_settings_is_proven_little(app, only, engine):
    begin = "if (!process.env.API_TOKEN) throw new Error('API_TOKEN is missing');"
    folder = app(begin, "response.end('ok');")
    only("USER node", takes_away=True)
    found = improved(folder)
    assert outcome(found)[0] is Outcome.NOT_TRIED
    assert "API_TOKEN is missing" in str(found)
    given = improved(folder, environment={"API_TOKEN": "quite-a-secret-9"})
    assert outcome(given)[0] is Outcome.KEPT
    for text in (str(given), given.to_json(), given.to_html(), given.patch):
        assert "quite-a-secret-9" not in text
    for name in ("before", "after"):
        settings = engine.client.images.get(f"{trial.TAG}:{name}").attrs["Config"]["Env"]
        assert not any("API_TOKEN" in pair for pair in settings)


def test_a_program_that_ends_is_compared_by_its_code_and_words(app, only):
    folder = app("console.log('done'); process.exit(0);", "")
    only("RUN echo \"console.log('other')\" > server.js")
    assert "something else" in outcome(improved(folder))[1]
    only("USER node")
    found = improved(folder, check="test -e server.js")
    assert outcome(found)[0] is Outcome.KEPT
    assert "ended with code 0 and said the same 1 line, like before, and passed the check" in found.proof


def test_a_health_check_and_a_check_of_the_readers_must_still_pass(app, only):
    ask = "require('node:http').get('http://127.0.0.1:3000/healthz')"
    health = "HEALTHCHECK CMD node /app/ask.js http://127.0.0.1:3000/healthz || exit 1\n"
    folder = app("", "response.end(request.url);", FILE.replace("CMD", f"{health}CMD"))
    (folder / "ask.js").write_text(ask)
    only("RUN rm ask.js")
    found = improved(folder)
    assert "health check fails" in outcome(found)[1]
    assert any("GET /healthz" in note for note in found.notes)
    only("ENV GONE=1")
    assert "the check fails" in outcome(improved(folder, check='test -z "$GONE"'))[1].lower()


def test_a_context_in_a_parent_folder_gives_a_patch_of_that_folder(app, only, tmp_path):
    folder = app("", "response.end('ok');")
    (folder / "docker").mkdir()
    (folder / "Dockerfile").rename(folder / "docker" / "Dockerfile")
    only("USER node")
    project = examine.find(folder / "docker", context=folder)
    found = improve.improve(project)
    assert outcome(found)[0] is Outcome.KEPT
    assert found.folder == str(folder.resolve())
    subprocess.run(["git", "-C", found.folder, "apply", "-"], input=found.patch.encode(), check=True)
    assert (folder / "docker" / "Dockerfile").read_text().endswith("USER node\n")


def test_ctrl_c_leaves_nothing(app, only, engine, ours):
    folder = app("", "response.end('ok');")
    only("USER node")

    def watching(title):
        if "change 1" in title:
            raise KeyboardInterrupt
        return trial.nullcontext(lambda _: None)

    with pytest.raises(StoppedByReaderError, match="stopped at your request"):
        improve.improve(examine.find(folder), watching=watching)
    assert not ours()
    assert not engine.client.images.list(filters={"reference": f"{trial.TAG}"})


def test_time_that_is_used_up_is_said(app, only):
    folder = app("", "response.end('ok');")
    only("USER node")
    found = improved(folder, minutes=0)
    assert outcome(found) == (Outcome.NOT_TRIED, "The 0 minutes were used up.")


def test_a_build_that_fails_and_a_start_that_cannot_be_are_said(app, only):
    folder = app("", "response.end('ok');", FILE.replace("CMD", "RUN false\nCMD"))
    only("USER node")
    assert "does not build as it is" in improve.improve(examine.find(folder)).failure
    (folder / "Dockerfile").write_text(FILE.replace("CMD", 'ENTRYPOINT ["no-such-program"]\nCMD'))
    found = improve.improve(examine.find(folder))
    assert "does not start as it is" in found.failure
    assert ContainerError.__name__ not in found.failure


@pytest.mark.rare
def test_the_sample_apps_naive_file_becomes_several_times_smaller(tmp_path):
    with workspace.copy() as copy:
        found = improve.improve(
            examine.find(copy.path, "dockerfiles/01_naive.Dockerfile", context=copy.path),
            probes=["GET /healthz", "GET /shipments"],
        )
        assert not found.failure
        assert found.after.uncompressed_bytes * 4 < found.before.uncompressed_bytes
        assert found.after.user != "root"
        assert {"second-stage", "slim-base"} <= {step.rule for step in found.kept}
        subprocess.run(["git", "-C", found.folder, "apply", "-"], input=found.patch.encode(), check=True)


def test_the_command_writes_a_patch_new_files_and_where_it_is_told_to_the_project(
    app, only, tmp_path, capsys
):
    folder = app("", "response.end('ok');")
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], check=True)
    only("USER node")
    out = tmp_path.with_name(f"{tmp_path.name}-out")
    parser = argparse.ArgumentParser()
    command.add_to(parser.add_subparsers())
    command.run(parser.parse_args(["improve", str(folder), "--out", str(out), "--apply"]))
    assert "answered 2 requests like before" in " ".join(capsys.readouterr().out.split())
    new = FILE + "USER node\n"
    assert (out / "Dockerfile").read_text() == new
    assert (folder / "Dockerfile").read_text() == new
    subprocess.run([*git, "checkout", "-q", "Dockerfile"], check=True)
    subprocess.run([*git, "apply", str(out / "improve.patch")], check=True)
    assert (folder / "Dockerfile").read_text() == new
