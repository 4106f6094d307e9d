"""The Dockerfile reader, held against BuildKit's own parser where that is installed (Linux, x86-64)."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.buildx.dockerfile import Need, parse, read
from helpers.buildx.dockerfile_words import DockerfileError, expand
from helpers.host.errors import WorkbookError

DOCKERFILES = Path(__file__).resolve().parents[3] / "sample_app" / "dockerfiles"


@pytest.fixture(scope="module")
def buildkit() -> ModuleType:
    return pytest.importorskip("dockerfile", reason="BuildKit's parser has no package here")


def _theirs(buildkit: ModuleType, text: str) -> list[tuple]:
    return [
        (
            c.cmd.upper(),
            c.flags,
            " ".join(c.value),
            c.start_line,
            c.end_line,
            _without_tabs(h.content for h in c.heredocs),
        )
        for c in buildkit.parse_string(text)
    ]


def _without_tabs(bodies: Iterable[str]) -> tuple[str, ...]:
    """Drop leading tabs: their parser leaves it to the build to take them off after ``<<-``."""
    return tuple(re.sub(r"(?m)^\t+", "", body) for body in bodies)


def _ours(text: str, like: list[tuple]) -> list[tuple]:
    """Return our reading, values split as BuildKit's parser splits (or ignores) them by keyword."""
    rows = []
    for row, instruction in zip(like, parse(text).instructions, strict=True):
        value = (
            instruction.value if row[0] in KNOWN | SPLIT else ""
        )  # BuildKit ignores the rest of others
        if (row[0] in SPLIT and value.split() == row[2].split()) or row[0] in ("ENV", "LABEL"):
            value = row[2]
        rows.append(
            (
                instruction.keyword,
                instruction.flags,
                value,
                instruction.line,
                instruction.end,
                _without_tabs(instruction.heredocs),
            )
        )
    return rows


KNOWN = {"RUN", "CMD", "USER", "WORKDIR", "ENTRYPOINT", "ONBUILD", "SHELL", "STOPSIGNAL", "VOLUME"}
SPLIT = {"ADD", "ARG", "COPY", "EXPOSE", "FROM", "HEALTHCHECK"}  # the others keep their spaces

EXAMPLES = {
    "plain": "FROM node:20\nWORKDIR /app\nCOPY . .\nRUN npm ci\nCMD node dist/index.js\n",
    "no newline at the end": "FROM a\nRUN b",
    "keywords in any case": "from a As b\nRun c\nworkDir /d\n",
    "tabs and indents": "\t FROM\ta\n  RUN\tb\t\tc  \n",
    "syntax directive": "# syntax=docker/dockerfile:1\nFROM a\n",
    "escape directive": "# escape=`\nFROM a `\n  AS b\nRUN dir C:\\\nRUN b\n",
    "escape directive after syntax": "#syntax=x\n# Escape = `\nFROM a\nRUN b `\n c\n",
    "a directive after a comment is none": "# hello\n# escape=`\nFROM a\nRUN b `\nRUN c\n",
    "a directive after a blank line is none": "\n# escape=`\nFROM a\nRUN b \\\n c\n",
    "an unknown directive ends them": "# foo=bar\n# escape=`\nFROM a\nRUN b \\\n c\n",
    "byte order mark": "\ufeff# escape=`\nFROM a\nRUN b `\n c\n",
    "lines of Windows": "FROM a\r\nRUN b \\\r\n c\r\nCOPY <<E /x\r\nhi\r\nE\r\n",
    "comment lines between": "# one\nFROM a\n  # two\n\nRUN b # not a comment\n",
    "continuation": "FROM a\nRUN b && \\\n    c && \\\n    d\nUSER e\n",
    "comments and blank lines inside": "FROM a\nRUN b \\\n# x\n\n   # y\n  c \\\n\n\nRUN d\n",
    "blanks after the backslash": "FROM a\nRUN b \\ \t\n c\n",
    "an escaped backslash continues nothing": "FROM a\nRUN b \\\\\nRUN c\n",
    "a backslash alone": "\\\nFROM a\n\\\n RUN b\n",
    "continued to the end of the file": "FROM a\nRUN b \\",
    "continued into blank lines": "FROM a\nRUN b \\\n\n\n",
    "a word cut in two": "FROM a\nRUN ec\\\nho\n",
    "JSON form": 'FROM a\nCMD ["node", "a b.js"]\nCOPY ["x y", "/z/"]\n',
    "nearly JSON": "FROM a\nRUN [ -f x ] || exit 1\nCMD [a]\n",
    "odd separators": "FROM a\nRUN b\x0cc\u2028d\x1ce\x85f\n",
    "flags": "FROM --platform=$BUILDPLATFORM a AS b\nCOPY --from=b --chown=1:1 c d\n",
    "several mounts": "FROM a\nRUN --mount=type=cache,target=/x --mount=from=b,target=/y npm ci\n",
    "a quoted flag": "FROM a\nRUN --mount='type=cache, target=/x' --mount=\"id=a\\ b\" c\n",
    "an escaped flag": "FROM a\nCOPY --chown=a\\ b c d\n",
    "flags end": "FROM a\nRUN --network=none -- --x\nCOPY a --from=b c\nRUN -x\n",
    "flags over lines": "FROM a\nRUN --mount=type=tmpfs,target=/a \\\n    --network=none \\\n    b\n",
    "health": "FROM a\nHEALTHCHECK --interval=5m --timeout=3s CMD curl -f http://localhost/ || exit 1\n",
    "arguments": 'ARG A=1 B="two words" C\nFROM a\nARG D\nENV E=1 F="x y" \\\n  G=3\nLABEL h="i"\n',
    "here-document": "FROM a\nRUN <<EOF\nFROM x\n# no comment\nRUN y \\\nEOF\nRUN z\n",
    "quoted here-document": "FROM a\nRUN <<'E F'\n$x\nE F\nRUN <<\"G\"\nG\n",
    "here-document with a dash": "FROM a\nRUN <<-EOF\n\ta\n\t\tb\n\tEOF\nUSER c\n",
    "a dash takes tabs only": "FROM a\nRUN <<-EOF\n  EOF\n\tEOF\n",
    "no dash takes no tabs": "FROM a\nRUN <<EOF\n\tEOF\nEOF\n",
    "several here-documents": "FROM a\nCOPY <<a.txt <<-'b.txt' /x/\nFROM z\na.txt\n\tFROM y\n\tb.txt\n",
    "here-document among words": "FROM a\nRUN cat <<E | sh -s 3<<F && true\n1\nE\n2\nF\n",
    "here-document after continuation": "FROM a\nRUN b \\\n  <<E \\\n  c\nhi\nE\n",
    "none inside quotes": "FROM a\nRUN echo 'x <<EOF' \"<<EOF\"\nRUN b\n",
    "none in a shift": "FROM a\nRUN echo $((1<<2)) a<<b\nRUN cat <<<x\n",
    "none in JSON": 'FROM a\nRUN ["a", "<<EOF"]\nRUN b\n',
    "none in other instructions": "FROM a\nCMD cat <<EOF\nENV x=<<EOF\n",
    "none after an open quote": "FROM a\nRUN echo it's <<EOF\nRUN b\n",
    "with variables around": "FROM a\nRUN x=${A:-b} y=$z cat <<EOF >$HOME\nhi\nEOF\n",
    "an unknown instruction": "FROM a\nFOO\n",
    "empty instructions": "FROM a\nRUN\nENTRYPOINT []\n",
}


@pytest.mark.parametrize("text", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_it_reads_what_buildkit_reads(buildkit, text):
    theirs = _theirs(buildkit, text)
    if "JSON" in text or '["' in text or "[]" in text:
        ours = [
            (i.keyword, i.flags, i.line, i.end, _without_tabs(i.heredocs))
            for i in parse(text).instructions
        ]
        assert ours == [(row[0], row[1], *row[3:]) for row in theirs]
    else:
        assert _ours(text, theirs) == theirs


@pytest.mark.parametrize("path", sorted(DOCKERFILES.glob("*Dockerfile")), ids=lambda path: path.name)
def test_it_reads_the_files_of_the_lessons(buildkit, path):
    text = path.read_text()
    theirs = [(row[0], row[1], *row[3:]) for row in _theirs(buildkit, text)]
    assert [
        (i.keyword, i.flags, i.line, i.end, _without_tabs(i.heredocs)) for i in parse(text).instructions
    ] == theirs


def test_a_here_document_with_a_dash_loses_its_leading_tabs():
    file = parse("FROM a\nRUN <<-A <<B\n\ta\n\t\t b\n\tA\n\tc\nB\n")
    assert file.instructions[1].heredocs == ("a\n b\n", "\tc\n")


def test_onbuild_takes_a_here_document_as_buildkit_does(buildkit):
    text = "FROM a\nONBUILD RUN <<EOF\nFROM x\nEOF\nONBUILD COPY --from=b c d\nUSER e\n"
    lines = [(c.cmd.upper(), c.start_line, c.end_line) for c in buildkit.parse_string(text)]
    assert [(i.keyword, i.line, i.end) for i in parse(text).instructions] == lines


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        "FROM a\nRUN <<EOF\nhi\n",
        "FROM a\nCOPY <<E>x /y\nE\n",
        "# escape=x\nFROM a\n",
        "# escape=`\n# escape=`\nFROM a\n",
    ],
)
def test_what_buildkit_refuses_to_parse_is_refused(buildkit, text):
    with pytest.raises(buildkit.GoParseError):
        buildkit.parse_string(text)
    with pytest.raises(DockerfileError) as caught:
        parse(text)
    _assert_short(caught.value)


# Random Dockerfiles, made of parts

_word = st.sampled_from(
    ["a", "npm", "ci", ".", "/app", "$X", "${Y:-z}", "a=b", "'q r'", '"s # t"', "#", "--x", "--ü à"]
)
_gap = st.sampled_from(
    [" ", "  ", "\t", " \\\n", " \\ \n  ", "\\\n\t", " \\\n# note\n ", " \\\n\n  # x\n\n"]
)
_keyword = st.sampled_from(
    ["RUN", "run", "COPY", "ADD", "CMD", "USER", "WORKDIR", "EXPOSE", "ENTRYPOINT"]
)
_flag_text = st.sampled_from(
    [
        "--from=b",
        "--mount=type=cache,target=/x",
        "--chown=1:1",
        "--link",
        "--mount='a b'",
        '--x="y z"',
        "--a\\ b",
    ]
)
_name = st.sampled_from(["EOF", "E", "a.txt", "end_1"])
_body_line = st.sampled_from(
    ["FROM x", "echo $a \\", "# c", "", "\tEO", "\t\tRUN b", "it's", "RUN <<EOF"]
)


@st.composite
def _instruction_text(draw) -> str:
    keyword, flags = draw(_keyword), draw(st.lists(_flag_text, max_size=2))
    words = draw(st.lists(_word, min_size=1, max_size=4))
    tail = ""
    if keyword.upper() in ("RUN", "COPY", "ADD"):
        for name in draw(st.lists(_name, max_size=2)):
            dash, quote = draw(st.sampled_from(["", "-"])), draw(st.sampled_from(["", "'", '"']))
            words.append(f"<<{dash}{quote}{name}{quote}")
            lines = [line for line in draw(st.lists(_body_line, max_size=3)) if line.strip("\t") != name]
            tail += "".join(f"{line}\n" for line in lines) + ("\t" if dash else "") + f"{name}\n"
        words.append("z")
    text = draw(st.sampled_from(["", " ", "\t"])) + keyword
    for part in (*flags, *words):
        text += draw(_gap) + part
    return f"{text}\n{tail}"


@st.composite
def _dockerfile_text(draw) -> str:
    head = draw(
        st.sampled_from(["", "# syntax=docker/dockerfile:1\n", "# a comment\n\n", "\ufeff", "ARG A=1\n"])
    )
    between = st.sampled_from(["", "\n", "# c\n", "  \n\t# d\n"])
    parts = draw(st.lists(_instruction_text(), max_size=5))
    text = head + "FROM a AS b\n" + "".join(part + draw(between) for part in parts)
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@given(text=_dockerfile_text())
def test_any_file_made_of_valid_parts_reads_as_in_buildkit(buildkit, text):
    try:
        theirs = _theirs(buildkit, text)
    except buildkit.GoParseError:  # a comment may swallow the word that opens a here-document
        with pytest.raises(DockerfileError):
            parse(text)
        return
    assert _ours(text, theirs) == theirs


@given(text=st.text(st.sampled_from("FROMRUNab \t\\`'\"$<-{}:#=\n\r\ufeff\x0c"), max_size=80))
def test_any_text_at_all_is_parsed_or_refused_in_one_short_sentence(text):
    for whole in (text, f"FROM a\nRUN {text}", f"FROM {text}", f"ARG A={text}\nFROM $A"):
        try:
            parse(whole)
        except DockerfileError as error:
            _assert_short(error)


@given(text=st.text(st.sampled_from("RUNab \t\\'\"$-=\n#"), max_size=60))
def test_noise_without_here_documents_has_buildkits_lines(buildkit, text):
    whole = f"FROM a\nRUN b{text}"
    try:
        theirs = buildkit.parse_string(whole)
    except buildkit.GoParseError:
        return
    assert [(i.line, i.end, i.flags) for i in parse(whole).instructions] == [
        (c.start_line, c.end_line, c.flags) for c in theirs
    ]


# Stages


def test_stages_have_numbers_names_and_bases():
    file = parse("FROM node:20 AS Builder\nRUN a\nFROM alpine\nCOPY --from=builder /a /b\n")
    assert [(s.index, s.name, s.label, s.base) for s in file.stages] == [
        (0, "builder", "builder", "node:20"),
        (1, None, "stage-1", "alpine"),
    ]
    assert [i.keyword for i in file.stages[0].instructions] == ["RUN"]
    assert file.stage() is file.stages[1]
    assert file.stage("BUILDER") is file.stages[0]


def test_an_unknown_stage_is_named_with_those_that_exist():
    with pytest.raises(DockerfileError, match="There is no stage 'prod'; the file names builder, test"):
        parse("FROM a AS builder\nFROM b\nFROM c AS test\n").stage("prod")


def test_a_stage_without_a_name_is_no_target():
    with pytest.raises(DockerfileError, match="There is no stage '0'; the file names none"):
        parse("FROM a\nFROM b\n").stage("0")


SKIPPING = dedent("""\
    FROM node:20 AS deps
    FROM deps AS build
    FROM golang:1 AS unused
    FROM alpine AS tool
    FROM scratch
    COPY --from=build /a /a
    RUN --mount=from=tool,target=/t --mount=type=cache,target=/c --mount=from=busybox:1,target=/b y
    COPY --from=nginx:1 /n /n
""")


def test_stages_that_the_target_does_not_need_are_skipped():
    file = parse(SKIPPING)
    assert [s.label for s in file.needs()] == ["deps", "build", "tool", "stage-4"]
    assert [s.label for s in file.needs("build")] == ["deps", "build"]


def test_base_images_are_those_of_the_needed_stages_only():
    file = parse(SKIPPING)
    assert file.base_images() == ["node:20", "alpine", "busybox:1", "nginx:1"]
    assert file.base_images("unused") == ["golang:1"]
    assert parse("FROM scratch\nCOPY a b\n").base_images() == []


def test_a_stage_number_in_copy_from_means_a_stage_never_an_image():
    file = parse("FROM a\nFROM b\nFROM c\nCOPY --from=0 /x /x\nCOPY --from=7 /y /y\n")
    assert [s.index for s in file.needs()] == [0, 2]
    assert file.base_images() == ["a", "c"]


def test_a_number_in_a_mount_means_an_image_never_a_stage():
    file = parse("FROM a\nFROM b\nRUN --mount=from=0,target=/x y\nCOPY --from=+0 /x /x\n")
    assert [need.source for need in file.draws_on(file.stages[1])] == ["b", "0", file.stages[0]]


@pytest.mark.parametrize("name", ["1a", "-a", "ü", "a/b", "a:1", "$A"])
def test_a_stage_s_name_that_buildkit_refuses_names_its_line(name):
    with pytest.raises(DockerfileError, match="FROM on line 2 calls its stage") as caught:
        parse(f"FROM a AS A.b-c_1\nFROM b AS {name}\n")
    _assert_short(caught.value)


def test_only_arguments_stand_before_the_first_from():
    with pytest.raises(DockerfileError, match="ENV on line 2 stands before the first FROM"):
        parse("ARG A=1\nENV B=2\nFROM a\n")


def test_from_means_the_nearest_stage_above_and_copy_the_last_one_of_a_name():
    file = parse("FROM a AS x\nFROM b AS x\nFROM x AS y\nFROM c AS x\nFROM y\nCOPY --from=x /1 /1\n")
    assert [s.index for s in file.needs()] == [1, 2, 3, 4]
    assert file.base_images("y") == ["b"]


def test_an_image_that_bears_a_later_stages_name_is_an_image():
    assert parse("FROM alpine AS base\nFROM node AS alpine\n").base_images("base") == ["alpine"]


def test_copying_from_a_stage_further_down_needs_it():
    file = parse("FROM a AS first\nCOPY --from=second /x /x\nFROM b AS second\n")
    assert file.base_images("first") == ["a", "b"]


def test_stages_that_need_each_other_end_the_search():
    file = parse("FROM a AS x\nCOPY --from=y /1 /1\nFROM b AS y\nCOPY --from=x /2 /2\n")
    assert [s.name for s in file.needs()] == ["x", "y"]


def test_onbuild_triggers_count_for_the_stages_built_on_them():
    file = parse("FROM a AS x\nONBUILD COPY --from=tools:1 /t /t\nFROM x\n")
    assert file.base_images("x") == ["a"]
    assert file.base_images() == ["a", "tools:1"]


def test_mount_options_may_be_quoted_and_in_any_case():
    file = parse("FROM a\nRUN --mount='type=bind,\"FROM=tool:1\",target=/t' x\n")
    assert file.base_images() == ["a", "tool:1"]


def test_a_hundred_stages_in_a_chain_and_a_long_file_are_read_at_once():
    text = "FROM a AS s0\n" + "".join(
        f"FROM s{n} AS s{n + 1}\nCOPY --from=s{n // 2} /x /y\nRUN b \\\n  c\n" for n in range(2000)
    )
    begun = time.process_time()
    assert len(parse(text).needs()) == 2001
    assert time.process_time() - begun < 2


# FROM with arguments


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ("ARG V=20\nFROM node:$V", "node:20"),
        ("ARG V=20\nFROM node:${V}", "node:20"),
        ('ARG V="20" W=$V-alpine\nFROM node:${W}', "node:20-alpine"),
        ("ARG I='node:20'\nFROM $I", "node:20"),
        ("FROM node:${V:-22}", "node:22"),
        ("ARG V=\nFROM node:${V:-22}", "node:22"),
        ("ARG V=\nFROM node:${V-22}x", "node:x"),
        ("ARG S=1\nFROM node:20${S:+-slim}", "node:20-slim"),
        ("FROM node:20${S:+-slim}", "node:20"),
        ("ARG D=9\nFROM node:${V:-${D:-8}}", "node:9"),
        ("ARG V=20.18.0\nFROM node:${V%%.*}", "node:20"),
        ("ARG V=v20\nFROM node:${V#v}", "node:20"),
        ("ARG V=20_1\nFROM node:${V/_/.}", "node:20.1"),
        ("ARG V\nARG V=20\nFROM node:$V", "node:20"),
        ("ARG V=1\nARG V=2\nFROM node:$V", "node:2"),
        ("ARG V=1\nFROM x\nARG V=2\nFROM node:$V", "node:1"),
        ("FROM \\\n  node:20", "node:20"),
        ('FROM "node:20"', "node:20"),
        ("FROM base-$TARGETARCH", "base-arm64"),
    ],
)
def test_arguments_before_the_first_from_are_put_in(head, base):
    assert parse(f"{head}\n", architecture="arm64").stages[-1].base == base


def test_a_build_argument_wins_over_the_default_but_only_where_declared():
    text = "ARG V=20\nFROM node:$V AS a\nFROM node:${W:-1}\n"
    file = parse(text, {"V": "22", "W": "9"})
    assert [stage.base for stage in file.stages] == ["node:22", "node:1"]


def test_a_base_that_comes_out_empty_says_which_argument_to_give():
    file = parse("ARG V\nFROM $V\n")
    assert file.stages[0].base == "$V"
    with pytest.raises(DockerfileError, match=r"FROM on line 2 .* because `V` has no value; give"):
        file.base_images()


def test_a_required_argument_says_what_its_author_wrote():
    with pytest.raises(DockerfileError, match=r"FROM on line 1: V must be given: say-a-version"):
        parse("FROM node:${V:?say-a-version}\n").base_images()


@pytest.mark.parametrize(
    "head", ["FROM", "FROM a b", "FROM a AS", "FROM a IS b", "FROM ${a", "FROM ${}", "FROM ${a^}"]
)
def test_a_from_that_buildkit_refuses_names_its_line(head):
    with pytest.raises(DockerfileError, match="FROM on line 2") as caught:
        parse(f"# comment\n{head}\n").base_images()
    _assert_short(caught.value)


def test_a_name_that_no_image_can_bear_is_refused_wherever_it_stands_and_the_rest_is_read():
    file = parse("FROM scratch AS one\nCOPY --from=Tools:1 / /\nFROM a:$V-b AS two\n")
    assert [stage.name for stage in file.needs("two")] == ["two"]
    with pytest.raises(DockerfileError, match=r"COPY on line 2 .*'Tools:1'.* small letters") as caught:
        file.base_images("two")
    _assert_short(caught.value)


def test_a_variable_where_none_is_replaced_gets_its_remedy():
    with pytest.raises(DockerfileError, match=r"COPY on line 3 .*write `FROM \$V AS NAME`") as caught:
        parse("ARG V=tools\nFROM scratch\nCOPY --from=$V / /\n").base_images()
    _assert_short(caught.value)


def test_a_stage_may_bear_a_name_that_no_image_can():
    assert parse("FROM a AS x..y\nFROM x..y\nCOPY --from=X..Y / /\n").base_images() == ["a"]


def test_expand_takes_off_quotes_and_escapes_as_a_shell_does():
    known = {"A": "1", "E": ""}
    words = {
        r"\$A": "$A",
        "'$A'": "$A",
        '"$A"': "1",
        r'"\$A\n"': r"$A\n",
        "$": "$",
        "a$.b": "a$.b",
        "$Ab": "",
    }
    words |= {
        "${E-x}": "",
        "${E:-x}": "x",
        "${E+x}": "x",
        "${E:+x}": "",
        "${N:-'a b'}": "a b",
        "<<A": "<<A",
    }
    assert {word: expand(word, known) for word in words} == words


VALUES = {"A": "1", "V": "v20.18.0", "X": "a*b?c", "N": "l1\nl2", "D": "$A"}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("${V:#v}", "20.18.0"),  # older BuildKit passes over the colon
        ("${V#}${V%%}", "v20.18.0v20.18.0"),
        (r"${X#a\*}", "b?c"),
        (r"${X%\?c}", "a*b"),
        ("${N##*}", "\nl2"),  # a star takes no line end
        ("${N%%*}", "l1\n"),
        ("${V//*/x}", "x"),
        (r"${A/1/\}}", r"\}"),
        ("${A//1/$$A}", "A"),
        (r"${V//./<$0>}", "v20<>18<>0"),
        ("${D//1/x}", "$A"),
        ("$A²", "1²"),  # no digit to Go
        ("$1a", "a"),
        ("$-x$?", "x"),
    ],
)
def test_a_substitution_gives_what_buildkit_s_gives(word, value):
    assert expand(word, VALUES) == value


@pytest.mark.parametrize(
    "word", [r"${V#\a}", r"${V%\"}", r"${V/\$/x}", "${V:=x}", "${V:/a/b}", "${V,}", "${V/a}"]
)
def test_a_substitution_that_buildkit_refuses_is_refused(word):
    with pytest.raises(DockerfileError) as caught:
        expand(word, VALUES)
    _assert_short(caught.value)


# Files


def test_a_missing_file_an_unreadable_one_and_a_broken_one_are_typed_and_short(tmp_path):
    broken, pipe, link = tmp_path / "Broken", tmp_path / "Pipe", tmp_path / "Link"
    broken.write_text("RUN a\n")
    os.mkfifo(pipe)
    link.symlink_to("/dev/null")
    for path, reason in (
        (tmp_path / "Missing", "no Dockerfile"),
        (broken, "no FROM"),
        (pipe, "no plain file"),
        (link, "leads out of its folder"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(DockerfileError, match=reason) as caught:
            read(path)
        assert str(path) in str(caught.value)
        _assert_short(caught.value)


def test_reading_keeps_the_lines_of_windows_and_the_byte_order_mark_apart(tmp_path):
    path = tmp_path / "Dockerfile"
    path.write_bytes(b"\xef\xbb\xbf# escape=`\r\nFROM a\r\nRUN b `\r\n c\r\n")
    file = read(path)
    assert file.directives == {"escape": "`"}
    assert [(i.keyword, i.value, i.end) for i in file.instructions] == [
        ("FROM", "a", 2),
        ("RUN", "b  c", 4),
    ]


def test_a_comment_in_another_encoding_is_passed_over_as_engines_do(tmp_path):
    path = tmp_path / "Dockerfile"
    path.write_bytes(b"# caf\xe9\nFROM a\nLABEL b=caf\xe9\n")
    assert [(i.keyword, i.value) for i in read(path).instructions] == [
        ("FROM", "a"),
        ("LABEL", "b=caf\ufffd"),
    ]


def test_directives_stand_below_a_line_for_a_shell_but_escape_does_not_count_there():
    file = parse("#!/usr/bin/env x\n# syntax=a/b\n# escape=`\nFROM a \\\n AS b\n")
    assert file.directives == {"syntax": "a/b"}
    assert file.stages[0].name == "b"
    assert parse("# syntax=a/b\n#!/x\n# check=skip=all\nFROM a\n").directives == {"syntax": "a/b"}


def test_a_space_before_the_end_word_is_allowed_as_in_newer_buildkit():
    file = parse("FROM a\nRUN cat << EOF\nFROM x\nEOF\n")
    assert [(i.keyword, i.end, i.heredocs) for i in file.instructions[1:]] == [("RUN", 4, ("FROM x\n",))]


def _assert_short(error: WorkbookError) -> None:
    assert "\n" not in str(error)
    assert str(error).endswith(".")


def test_a_stage_draws_on_its_base_first_then_on_what_it_and_its_base_s_triggers_take():
    parsed = parse(
        "FROM a AS one\nONBUILD COPY --from=tools:1 / /\n"
        "FROM one AS two\nCOPY --from=one / /\nRUN --mount=type=bind,from=one,target=/x true\n"
        "COPY --from=7 / /\n"
    )
    one, two = parsed.stages
    assert parsed.draws_on(one) == [Need("FROM", "a")]
    assert parsed.draws_on(two) == [
        Need("FROM", one),
        Need("COPY", "tools:1"),
        Need("COPY", one),
        Need("RUN", one),
    ]
