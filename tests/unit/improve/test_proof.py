"""What is compared between two runs, and what is left out because it varies by itself."""

from __future__ import annotations

import pytest

from helpers.improve import observe, proof
from helpers.improve.observe import Answer, Run

UP = Run(None, ports=frozenset({80}), answers=(Answer(80, "GET /", 200, "text/html", b"hello"),))


def like_up(**change) -> Run:
    answer = Answer(80, "GET /", 200, "text/html", b"hello")
    named = {k: v for k, v in change.items() if k in ("status", "kind", "body")}
    answer = Answer(80, "GET /", **{"status": 200, "kind": "text/html", "body": b"hello"} | named)
    others = {k: v for k, v in change.items() if k not in named}
    return Run(**{"exit_code": None, "ports": UP.ports, "answers": (answer,)} | others)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        (
            {"exit_code": 1, "output": "x\nError: Cannot find module 'a'\n"},
            "code 1: Error: Cannot find module 'a'",
        ),
        ({"ports": frozenset({81})}, "does not listen on port 80"),
        ({"status": 500}, "GET / gets status 500 and not 200"),
        ({"status": None}, "GET / gets no answer"),
        ({"kind": "text/plain"}, "text/plain and not text/html"),
        ({"body": b"other"}, "another body"),
    ],
)
def test_a_run_that_differs_is_told_by_what(change, why):
    found, _ = proof.differs([UP, UP], like_up(**change))
    assert why in found
    assert bool(found) == bool(why)


def test_an_app_that_listens_and_then_dies_is_not_alike():
    found, content = proof.differs([UP, UP], like_up(exit_code=1, output="Error: gone\n"))
    assert found == "it ended with code 1: Error: gone"
    assert not content


def test_a_time_in_a_page_is_not_compared_but_the_rest_is():
    before = [b"<p>12:05:31</p><b>hello</b>", b"<p>12:06:02</p><b>hello</b>"]
    assert proof.fits(before, b"<p>12:09:47</p><b>hello</b>")
    assert not proof.fits(before, b"<p>12:09:47</p><b>error</b>")


def test_bodies_of_varying_length_are_not_compared():
    assert proof.fits([b"a b", b"a b c"], b"anything")


def test_a_start_that_fails_must_fail_with_the_same_words():
    before = Run(1, "2026-01-01 Error: DATABASE_URL is missing\n    at x (/app/a.js:1:2)\n")
    assert (
        proof.differs([before, before], Run(1, "2026-01-02 Error: DATABASE_URL is missing\n"))[0] == ""
    )
    assert "something else" in proof.differs([before, before], Run(1, "Error: Cannot find module\n"))[0]
    assert "code 2" in proof.differs([before, before], Run(2, before.output))[0]


def test_a_process_that_stays_up_and_lacks_a_file_is_not_alike():
    before = Run(None, "2026-01-01 connecting\nError: connect ECONNREFUSED 10.0.0.1:27017\n")
    alike = Run(None, "2026-01-02 connecting\nError: connect ECONNREFUSED 10.0.0.9:27017\n")
    assert proof.differs([before, before], alike)[0] == ""
    lacks = Run(None, "restarting\nError: Cannot find module 'dotenv'\n")
    assert "Cannot find module 'dotenv'" in proof.differs([before, before], lacks)[0]


def test_a_health_check_that_passed_must_pass():
    before = Run(None, health=0)
    assert "health check" in proof.differs([before, before], Run(None, health=127))[0]
    assert proof.differs([Run(None, health=1)] * 2, Run(None, health=127))[0] == ""


def test_listening_ports_are_read_from_the_kernels_table():
    text = """  sl  local_address rem_address   st tx_queue
   0: 00000000:0BB8 00000000:0000 0A 00000000:00000000
   1: 0100007F:0050 00000000:0000 0A 00000000:00000000
   2: 0B00007F:A1B2 00000000:0000 0A 00000000:00000000
   3: 0200A8C0:1F90 0100A8C0:C001 01 00000000:00000000
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A
   1: 00000000000000000000000001000000:0051 00000000000000000000000000000000:0000 0A
"""
    assert observe.listening(text) == (frozenset({3000, 443}), frozenset({80, 0xA1B2, 0x51}))


def test_paths_of_the_health_check_are_asked():
    settings = {
        "Healthcheck": {"Test": ["CMD-SHELL", "curl -f http://localhost:${PORT:-80}/healthz || exit 1"]}
    }
    assert observe.health_paths(settings) == ["/healthz"]
    assert observe.health_command(settings)[:2] == ["/bin/sh", "-c"]
    assert observe.health_command({"Healthcheck": {"Test": ["NONE"]}}) == []


def test_files_that_a_page_names_are_asked_of_its_own_server_alone():
    page = Answer(
        80,
        "GET /",
        200,
        "text/html",
        b"<script src='/a.js'></script><link href=b.css><img src=//cdn.example/c>",
    )
    assert observe.files_named(page) == ["/a.js", "/b.css"]
    assert observe.files_named(Answer(80, "GET /", 200, "application/json", b"{}")) == []


def test_a_page_that_the_same_container_gives_otherwise_later_is_known_to_vary():
    later = Answer(80, "GET /", 200, "text/html", b"<p>now 12:05:33</p>")
    first = Answer(80, "GET /", 200, "text/html", b"<p>now 12:05:31</p>")
    run = Run(None, ports=UP.ports, answers=(first,), later=(later,))
    now = like_up(body=b"<p>now 12:05:35</p>")
    assert proof.differs([run, run], now)[0] == ""
    assert "another body" in proof.differs([run, run], like_up(body=b"<p>not 12:05:35</p>"))[0]


def test_the_packages_that_a_program_loads_are_read_from_nodes_own_words():
    text = """MODULE 7: looking for "lost" in ["/app/node_modules"]
MODULE 7: load "/app/node_modules/express/lib/a.js" for module "/app/node_modules/express/lib/a.js"
MODULE 7: load "/app/node_modules/.pnpm/b@1/node_modules/@b/c/index.js" for module "x"
MODULE 7: load "/usr/local/lib/node_modules/npm/node_modules/glob/a.js" for module "x"
ESM 7: Storing file:///app/node_modules/asked/index.mjs (implicit type) in ModuleLoadMap
ESM 7: Translating StandardModule file:///app/node_modules/d/index.mjs
"""
    assert observe.packages_loaded(text) == {"express", "@b/c", "d"}


def test_a_failing_start_that_loads_fewer_packages_is_not_alike(monkeypatch):
    failed = Run(1, "Error: no database\n")
    packages = {"before": frozenset({"express", "morgan"}), "after": frozenset({"express"})}
    monkeypatch.setattr(proof, "observe", lambda *_, **__: failed)
    monkeypatch.setattr(proof, "loaded", lambda image, *_: packages[image])
    found = proof.Proof("before", {}, observe.Wishes(), "", None)
    assert found.against("before", {}) == ""
    assert found.against("after", {}) == "it ends alike, and no longer loads morgan"
    assert "said the same 1 line and loaded the same 2 packages, like before" in found.rests_on()
