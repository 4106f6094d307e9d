"""The reader of BuildKit's stream, fed with real streams (streams/README.md) and with broken ones."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.buildx.stream import Progress

STREAMS = Path(__file__).parent / "streams"
BUSYBOX = 2_024_544
RECORDED = sorted(STREAMS.glob("*-buildx-*.txt"))


def _recorded(name: str) -> str:
    return (STREAMS / f"{name}.txt").read_text()


def _fed(text: str) -> Progress:
    progress = Progress()
    for line in text.splitlines(keepends=True):
        progress.feed(line)
    return progress


def _documents(text: str) -> list[dict]:
    """Read the documents of a stream another way: each begins at the start of a line."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        if text[at] == "{":
            document, at = decoder.raw_decode(text, at)
            found.append(document)
        at = text.find("\n", at) + 1 or len(text)
    return found


def _indented(documents: list[dict]) -> str:
    return "".join(json.dumps(document, indent=2) + "\n" for document in documents)


def _compact(documents: list[dict]) -> str:
    return "".join(json.dumps(document, separators=(",", ":")) + "\n" for document in documents)


@pytest.fixture(params=["0.13.1", "0.29.1"])
def buildx(request) -> str:
    return request.param


def test_a_cold_build_has_every_step_of_the_needed_stages(buildx):
    steps = [step for step in _fed(_recorded(f"cold-buildx-{buildx}")).steps if not step.internal]
    assert [(step.stage, step.instruction) for step in steps] == [
        ("one", "COPY busybox /bin/sh"),
        ("one", "COPY busybox /bin/busybox"),
        ("one", 'RUN ["/bin/busybox","sleep","0.3"]'),
        ("two", 'RUN busybox date > /d; echo hello; echo "brace {" >&2'),
        ("stage-3", "COPY --from=two /d /d"),
    ]
    assert all(step.done and not step.running and not step.cached for step in steps)
    assert all(step.error is None for step in steps)


def test_a_cached_build_says_so_of_each_step(buildx):
    steps = _fed(_recorded(f"cached-buildx-{buildx}")).steps
    assert [step.cached for step in steps if not step.internal] == [True] * 5
    assert not any(step.cached for step in steps if step.internal)


def test_the_newest_buildx_shows_a_step_of_the_build_before_and_one_of_its_own_for_the_provenance():
    progress = _fed(_recorded("pair-cold-buildx-0.36.1"))
    shown = [(step.name.partition("@")[0], step.cached) for step in progress.steps]
    assert ("[builder 1/6] WORKDIR /app", True) in shown  # of the build before
    assert ("[builder 2/6] WORKDIR /app", True) in shown
    assert ("[builder 6/6] RUN node -e \"console.log('built')\" > out.txt", False) in shown
    assert next(s for s in progress.steps if "resolving provenance" in s.name).internal
    assert (progress.text, progress.log, progress.context_bytes) == ([], ["one", "v20.18.0"], 444)
    assert all(step.done and not step.error for step in progress.steps)


def test_the_newest_buildx_says_what_was_cached_and_what_failed():
    cached = _fed(_recorded("pair-cached-buildx-0.36.1")).steps
    assert {step.cached for step in cached if step.instruction.startswith(("RUN", "COPY"))} == {True}
    failing = _fed(_recorded("pair-failing-buildx-0.36.1")).steps
    (failed,) = [step for step in failing if step.error]
    assert failed.name == '[builder 6/6] RUN node -e "process.exit(3)"'
    assert [step.stage for step in failing if not step.done] == ["runner"]


def test_seconds_are_the_steps_own_and_starts_count_from_the_first_step():
    steps = {step.instruction: step for step in _fed(_recorded("cold-buildx-0.13.1")).steps}
    sleep = steps['RUN ["/bin/busybox","sleep","0.3"]']
    assert 0.3 < sleep.seconds < 1.0
    assert min(step.started for step in steps.values()) == 0.0
    assert sleep.started + sleep.seconds <= steps["COPY --from=two /d /d"].started


def test_a_file_of_one_stage_has_no_stage_names_and_ten_steps_are_padded():
    steps = [step for step in _fed(_recorded("onestage-buildx-0.13.1")).steps if not step.internal]
    assert steps[0].name.startswith("[ 1/")
    assert {step.stage for step in steps} == {""}
    assert [step.instruction.split()[0] for step in steps] == ["COPY", "COPY", *["RUN"] * 8]


def test_steps_of_the_builder_itself_are_internal():
    names = {step.name for step in _fed(_recorded("cold-buildx-0.13.1")).steps if step.internal}
    assert names == {
        "[internal] load build definition from Dockerfile",
        "[internal] load .dockerignore",
        "[internal] load build context",
        "exporting to image",
    }


def test_the_stage_is_told_from_the_platform():
    names = {
        "[linux/amd64 build 1/2] RUN a": "build",
        "[linux/amd64->arm64 build  1/12] RUN a": "build",
        "[linux/arm/v7 1/2] RUN a": "",
        "[stage-1 2/2] COPY [1/2] x": "stage-1",
    }
    document = {"vertexes": [{"digest": name, "name": name} for name in names]}
    assert {step.name: step.stage for step in _fed(json.dumps(document)).steps} == names
    assert not any(step.internal for step in _fed(json.dumps(document)).steps)


def test_context_bytes_are_the_files_sent_and_neither_dockerfile_nor_ignore_file(buildx):
    sent = _fed(_recorded(f"cold-buildx-{buildx}")).context_bytes
    assert BUSYBOX < sent < BUSYBOX + 1000
    assert _fed(_recorded(f"cached-buildx-{buildx}")).context_bytes < 1000


def test_a_failing_step_bears_its_error_and_its_words_are_in_the_log(buildx):
    progress = _fed(_recorded(f"failing-buildx-{buildx}"))
    (failed,) = [step for step in progress.steps if step.error]
    assert failed.stage == "build"
    assert failed.error.endswith("did not complete successfully: exit code: 2")
    assert failed.done
    assert progress.log_of(failed) == progress.log
    assert sorted(progress.log) == ["compiling", "src/app.ts(3,1): error TS2322"]
    assert progress.text[0] == "fail.Dockerfile:5"
    assert progress.text[-1].startswith("ERROR: ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("syntax", "unknown instruction: FOO"),
        ("nobase", "no such host"),
        ("nofile", '"/missing": not found'),
    ],
)
def test_an_early_failure_leaves_its_reason_in_the_text(name, reason):
    progress = _fed(_recorded(f"{name}-buildx-0.13.1"))
    assert reason in progress.text[-1]
    assert not any(step.done for step in progress.steps if not step.internal and not step.error)


def test_text_with_braces_is_text(buildx):
    lines = ["a {", "{", "    5 | >>> RUN if {", "}", "{ not json }", '{"a": 1} tail', "    }", "end"]
    progress = _fed("\n".join(lines) + "\n" + _recorded(f"cold-buildx-{buildx}"))
    assert progress.text == lines
    assert len(progress.steps) == len(_fed(_recorded(f"cold-buildx-{buildx}")).steps)


def test_text_keeps_its_order_around_a_brace():
    assert _fed("a {\nERROR: b\n").text == ["a {", "ERROR: b"]


def test_a_step_begun_again_counts_both_times_and_an_overlap_once():
    def at(second):
        return f"2026-01-01T00:00:{second:02}.5Z"

    progress = Progress()
    for start, end in ((0, 2), (1, 3), (10, 11)):
        vertex = {"digest": "d", "name": "n", "started": at(start), "completed": at(end)}
        progress.feed(json.dumps({"vertexes": [vertex]}))
    assert progress.steps[0].seconds == pytest.approx(4.0)
    progress.feed(json.dumps({"vertexes": [{"digest": "d", "started": at(20)}]}))
    assert progress.steps[0].seconds is None
    assert progress.steps[0].running
    assert progress.steps[0].name == "n"


def test_an_end_once_told_is_kept():
    begun = {"digest": "d", "started": "2026-01-01T00:00:01Z"}
    ended = {**begun, "completed": "2026-01-01T00:00:03Z"}
    (step,) = _fed(_compact([{"vertexes": [ended]}, {"vertexes": [begun]}])).steps
    assert step.seconds == 2.0


def test_a_clock_that_goes_backwards_gives_no_negative_time():
    vertex = {"digest": "d", "started": "2026-01-01T00:00:09Z", "completed": "2026-01-01T00:00:01Z"}
    (step,) = _fed(json.dumps({"vertexes": [vertex]})).steps
    assert step.seconds == 0.0


def test_waiting_steps_come_after_those_that_began():
    begun = {"digest": "b", "name": "b", "started": "2026-01-01T00:00:00Z"}
    progress = _fed(json.dumps({"vertexes": [{"digest": "a", "name": "a"}, begun]}))
    assert [step.name for step in progress.steps] == ["b", "a"]
    assert [step.running for step in progress.steps] == [True, False]


def test_a_line_printed_in_pieces_is_one_line_of_the_log():
    progress = Progress()
    for vertex, piece in (("a", "npm "), ("a", "ci\nadd"), ("b", "other\n"), ("a", "ed\r50%\r100%\n")):
        data = base64.b64encode(piece.encode()).decode()
        progress.feed(json.dumps({"logs": [{"vertex": vertex, "stream": 1, "data": data}]}))
    assert progress.log == ["npm ci", "add", "other", "100%"]


def test_the_words_of_a_step_are_told_from_those_of_others():
    progress = _fed(json.dumps({"vertexes": [{"digest": "a"}, {"digest": "b"}, {"digest": "c"}]}))
    for vertex, piece in (("a", "one\n"), ("b", "two\n"), ("a", "three\n")):
        data = base64.b64encode(piece.encode()).decode()
        progress.feed(json.dumps({"logs": [{"vertex": vertex, "stream": 1, "data": data}]}))
    words = {step.digest: progress.log_of(step) for step in progress.steps}
    assert words == {"a": ["one", "three"], "b": ["two"], "c": []}


def test_only_the_last_lines_of_the_log_are_kept():
    data = base64.b64encode(b"".join(b"%d\n" % n for n in range(1000))).decode()
    progress = _fed(json.dumps({"logs": [{"vertex": "a", "data": data}]}))
    assert progress.log == [str(n) for n in range(1000 - Progress.LOG_LINES, 1000)]


def test_feed_says_whether_there_is_something_new_to_show():
    progress = Progress()
    lines = ['{"vertexes":[{"digest":"a"}]}', '{"warnings":[]}', '{"future":1}', "text", "{", "}", ""]
    assert [progress.feed(line) for line in lines] == [True, False, False, False, False, False, False]


# Broken streams


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
@pytest.mark.parametrize("write", [_indented, _compact], ids=["indented", "compact"])
def test_both_forms_of_a_stream_say_the_same(path, write):
    original, rewritten = _fed(path.read_text()), _fed(write(_documents(path.read_text())))
    assert rewritten.steps == original.steps
    assert rewritten.context_bytes == original.context_bytes
    assert rewritten.log == original.log


def _marked(number: int) -> dict:
    return {"vertexes": [{"digest": f"d{number}", "name": f"[stage 1/{number + 1}] RUN {{ x"}]}


_documents_written = st.lists(st.sampled_from([_indented, _compact]), min_size=1, max_size=6)
_garbage = st.sampled_from(
    [
        *("", "text\n", "{\n", "}\n", "a {\n", "  indented\n", "\n", "[]\n", "null\n", "\x00\n"),
        *(
            "WARN: no line end ",
            "---\n 5 | >>> RUN {\n---\n",
            '{"vertexes":7}\n',
            '"{\n',
            "  }\n",
        ),
        '{"a":\n',
    ]
)


@given(data=st.data(), writers=_documents_written)
def test_no_garbage_and_no_cut_costs_a_whole_document(data, writers):
    text = ""
    for number, write in enumerate(writers):
        text += data.draw(_garbage)
        if data.draw(st.booleans()):
            other = write([{"vertexes": [{"digest": "cut", "name": "x", "inputs": ["y", "z"]}]}])
            cut = other[: data.draw(st.integers(0, len(other)))]
            text += cut if not cut.endswith("\n") or data.draw(st.booleans()) else cut + "\n"
        text += write([_marked(number)])
    names = {step.name for step in _fed(text).steps}
    whole = {f"[stage 1/{n + 1}] RUN {{ x" for n, write in enumerate(writers)}
    assert whole <= names


@given(path=st.sampled_from(RECORDED), data=st.data())
def test_a_stream_cut_anywhere_keeps_what_came_before(path, data):
    text = path.read_text()
    cut = data.draw(st.integers(0, len(text)))
    before = [d for d in _documents(text[: text.rfind("\n{", 0, cut) + 1]) if d.get("vertexes")]
    names = {step.name for step in _fed(text[:cut]).steps}
    assert {vertex["name"] for document in before for vertex in document["vertexes"]} <= names


_keys = st.sampled_from(
    [
        *("vertexes", "statuses", "logs", "digest", "name", "inputs", "started", "completed"),
        *("cached", "error", "id", "vertex", "current", "data", "stream", "unknown"),
    ]
)
_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=15,
)


@given(
    document=st.dictionaries(_keys, _json_values, max_size=5), items=st.lists(_json_values, max_size=3)
)
def test_unknown_keys_and_wrong_types_never_raise(document, items):
    for key in ("vertexes", "statuses", "logs"):
        for content in (document, {key: items}, {key: [document]}):
            for write in (_indented, _compact):
                progress = _fed(write([content, _marked(1)]))
                assert any(step.name == "[stage 1/2] RUN { x" for step in progress.steps)
                assert progress.context_bytes is not None


@pytest.mark.parametrize("key", ["name", "inputs", "started", "completed", "cached", "error", "digest"])
@pytest.mark.parametrize("value", [None, 7, -1.5, True, "x", [7, None], {"a": 1}])
def test_a_field_of_another_type_never_raises(key, value):
    stamp = "2026-01-01T00:00:00Z"
    vertex = {"digest": "d", "name": "n", "started": stamp, "completed": stamp, key: value}
    status = {"vertex": "d", "id": "transferring context:", "current": value}
    logs = [{"vertex": value, "stream": value, "data": value}]
    document = {"vertexes": [vertex, value], "statuses": [status, value], "logs": logs}
    progress = _fed(json.dumps(document))
    assert len(progress.steps) == (key != "digest" or isinstance(value, str))
    assert progress.context_bytes == 0


@given(text=st.text(st.sampled_from('{}[]":, \n\tvertexslogd\\'), max_size=200))
def test_any_text_at_all_is_survived(text):
    progress = _fed(text)
    assert progress.steps is not None


@given(path=st.sampled_from(RECORDED), data=st.data())
def test_documents_twice_and_in_any_order_tell_the_same_steps(path, data):
    documents = _documents(path.read_text())
    twice = data.draw(st.permutations([*documents, *documents]))
    first, second = _fed(_compact(documents)), _fed(_compact(twice))
    assert set(second.steps) == set(first.steps)
    starts = [step.started for step in second.steps if step.started is not None]
    assert starts == sorted(starts)


@given(path=st.sampled_from(RECORDED), data=st.data())
def test_whatever_bytes_are_lost_steps_stay_sound_and_none_is_forgotten(path, data):
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at, size = data.draw(st.integers(0, len(raw))), data.draw(st.integers(0, 40))
        raw[at : at + size] = data.draw(st.binary(max_size=10))
    progress, known, cached = Progress(), set(), set()
    for line in raw.decode(errors="replace").split("\n"):
        progress.feed(line + "\n")
        steps = progress.steps
        assert known <= (known := {step.digest for step in steps})
        assert cached <= (cached := {step.digest for step in steps if step.cached})
        assert all((step.seconds or 0) >= 0 and (step.started or 0) >= 0 for step in steps)
        assert not any(step.running and step.done for step in steps)


def test_of_a_line_without_end_the_last_part_is_kept():
    progress = Progress()
    for piece in (b"x" * 30_000, b"y" * 5_000):
        data = base64.b64encode(piece).decode()
        progress.feed(json.dumps({"logs": [{"vertex": "a", "stream": 1, "data": data}]}))
    assert progress.log == ["x" * 5_000 + "y" * 5_000]


@pytest.mark.parametrize("write", [_indented, _compact], ids=["indented", "compact"])
def test_twenty_thousand_documents_take_a_second(write):
    stamp = "2026-01-01T00:00:00.123456789Z"
    status = {"id": "transferring context:", "vertex": "c", "name": "transferring", "current": 7}
    documents = [{"statuses": [{**status, "timestamp": stamp, "started": stamp}]}]
    text = write(documents) * 20_000
    begun = time.process_time()
    _fed(text)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "unfinished",
    [lambda n: "{\n" + '  "vertexes": {\n' * n + "end\n", lambda n: '{"vertexes":[' * n],
    ids=["indented", "compact"],
)
def test_an_unfinished_document_costs_time_in_proportion_only(unfinished):
    begun = time.process_time()
    _fed(unfinished(100_000))
    assert time.process_time() - begun < 2  # 0.05 s were measured; each beginning tried anew takes 12 s


@pytest.mark.parametrize(
    ("name", "stage", "instruction"),
    [
        ("[alpine builder 4/6] RUN npm ci", "alpine builder", "RUN npm ci"),
        ("[linux/amd64 alpine builder 4/6] RUN npm ci", "alpine builder", "RUN npm ci"),
        ("[builder 4/6] RUN npm ci", "builder", "RUN npm ci"),
    ],
)
def test_a_step_of_a_bake_bears_the_target_and_the_stage(name, stage, instruction):
    document = {"vertexes": [{"digest": "sha256:1", "name": name, "started": "2026-11-30T10:00:00Z"}]}
    (step,) = _fed(json.dumps(document) + "\n").steps
    assert (step.stage, step.instruction, step.internal) == (stage, instruction, False)
