"""What our readers say of ignore files and Dockerfiles, held against what the builder does with them.

The cases come from hypothesis, the same in every run. One build answers for many of them: a context of
its own for each ignore file, a label for each word.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from helpers.buildx import context, copies, dockerfile
from helpers.buildx.dockerfile_words import DockerfileError, expand
from helpers.buildx.stream import Progress
from helpers.host.errors import WorkbookError

pytestmark = pytest.mark.engine

few = settings(
    max_examples=3,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def asked(engine, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Build a folder's Dockerfile with buildx alone; none of our readers has a say."""
    command = engine.command("buildx", "build", "--file", str(folder / "Dockerfile"), *more, str(folder))
    return subprocess.run(
        command, env=engine.process_environment(), capture_output=True, text=True, check=False
    )


def made(engine, folder: Path, *more: str) -> Path:
    """Build a folder's Dockerfile, and return a tar of the image's files."""
    out = folder.parent / f"{folder.name}.tar"
    done = asked(engine, folder, "--quiet", "--output", f"type=tar,dest={out}", *more)
    assert done.returncode == 0, done.stderr
    return out


def refused(engine, home: Path, texts: list[str]) -> list[bool]:
    """Say of each Dockerfile whether the builder refuses it."""

    def one(at: int) -> bool:
        folder = home / f"refused-{at}"
        folder.mkdir()
        (folder / "f").write_text("f")
        (folder / "Dockerfile").write_bytes(texts[at].encode())
        return asked(engine, folder, "--quiet", "--output", "type=cacheonly").returncode != 0

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, range(len(texts))))


@pytest.fixture
def home(tmp_path_factory):
    """Give a maker of fresh folders: hypothesis calls a test many times with the same fixtures."""
    return lambda: tmp_path_factory.mktemp("agrees")


# Ignore files

TREE = [
    *("a", "b/a", "b/b/a", "c/d/e/x.log", "x.log", ".env", "keep/a", "keep/x.log", "a b", " a"),
    *("[a]", "a*", "!a", "#a", "ü", "空/ü", "a\\b", "^", "$", "a|b", "{a}", "a+", "aa", "ab/ab", "A/b"),
]
PIECES = [
    *("a", "b", "ab", "keep", "x.log", "*", "**", "?", "*.log", "a*", "**b", ".*", "[ab]", "[^a]"),
    *("[a-c]", "[!a]", "[\\]a]", "\\a", "\\*", "\\[", "\\w", "\\d", "\\x61"),
    *("ü", "[ü]", "空", "a b", "#a", "!a", "a|b", "|", "{a}", "a{2}", "{1}", "a+", "^", "$", ".", ".."),
    *("[a-]", "[", "\\", "[z-a]", "\\p", "\\ü"),
]
_part = st.lists(st.sampled_from(PIECES), min_size=1, max_size=2).map("".join)
_line = st.tuples(
    st.sampled_from(["", "", "", "!", "! ", " ", "\t"]),
    st.sampled_from(["", "", "/", "./", "//", "/ "]),
    st.lists(_part, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "", "/", "/**", "/.", " ", "\r", "\xa0"]),
).map("".join)
_ignore_file = st.tuples(
    st.sampled_from(["", "", "\ufeff", "# comment\n", "\n"]),
    st.lists(_line, min_size=1, max_size=5).map("\n".join),
).map("".join)
HAND_MADE = ["/ a", "./!a", "a*\n/!a ", "a|b*", "a{2}*", "\\w", "x*\\", "[ab]\n!\\p", "a\x1c"]


def laid_out(folder: Path, patterns: str) -> Path:
    for name in TREE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "empty").mkdir()
    (folder / ".dockerignore").write_text(patterns, encoding="utf-8", newline="")
    return folder


def forecast(folder: Path) -> list[str] | None:
    """Return the paths that we say are sent; None when we say that Docker refuses the file."""
    with contextlib.suppress(WorkbookError):
        found = context.survey(folder, context.rules(folder, folder / "Dockerfile"))
        return sorted(entry.path for entry in found.sent)
    return None


def received(out: Path) -> dict[str, list[str]]:
    """Return the paths that arrived from each context; its folder's name comes first in the tar."""
    found: dict[str, list[str]] = {}
    with tarfile.open(out) as tar:
        for member in tar:
            top, _, path = member.name.strip("/").partition("/")
            found.setdefault(top, [])
            if path:
                found[top].append(path)
    return found


@few
@given(files=st.lists(_ignore_file, min_size=30, max_size=30, unique=True))
def test_an_ignore_file_keeps_out_what_the_builder_leaves_out(engine, home, files):
    root = home()
    every = {f"c{at}": text for at, text in enumerate([*HAND_MADE, *files])}
    wanted = {name: forecast(laid_out(root / name, text)) for name, text in every.items()}
    taken = [name for name, paths in wanted.items() if paths is not None]
    (root / "main").mkdir()
    lines = ["FROM scratch", *(f"COPY --from={name} . /{name}/" for name in taken)]
    (root / "main" / "Dockerfile").write_text("\n".join(lines))
    contexts = [f"--build-context={name}={root / name}" for name in taken]
    arrived = received(made(engine, root / "main", *contexts))
    wrong = {
        every[n]: set(wanted[n]) ^ set(arrived[n]) for n in taken if wanted[n] != sorted(arrived[n])
    }
    assert wrong == {}
    there = sum(1 for _ in (root / "c0").rglob("*"))
    assert sum(1 < len(arrived[name]) < there for name in taken) >= len(HAND_MADE) / 2
    for name in [name for name, paths in wanted.items() if paths is None][:3]:
        (root / name / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        assert asked(engine, root / name, "--output", "type=cacheonly").returncode, every[name]


# What COPY and ADD take

FILES = ["a.log", "b.txt", ".env", "src/c.ts", "src/.e", "src/deep/d.ts", "src/deep/f.log", "lib/g.ts"]
LINKS = {  # each leads elsewhere by another text, so that one knows it by that
    "way": "src/deep",
    "one": "b.txt",
    "up": "src/../a.log",
    "root": "/lib/g.ts",
    "src/out": "../b.txt",
    "round": "round",
    "lib/broken": "nowhere",
}
SOURCES = [
    *(
        *FILES,
        *LINKS,
        "src",
        "src/deep",
        "lib",
        "empty",
        "none",
        ".",
        "src/",
        "/lib",
        "./src/deep/",
        "../b.txt",
    ),
    *(
        "src/../lib",
        "*",
        "*.log",
        "?.txt",
        "[a-b].*",
        "s*",
        "s*/",
        "src/*",
        "*/*",
        "*/*.ts",
        "way/*",
        "w*",
    ),
    *("src/d*/*", "**", "**/*.ts", "*/out", "*/out/*", "[^s]*", "no*", "src/[[-z]*", "$D/d.ts", "${F}*"),
]
EXCLUDED = [
    "*.ts",
    "**/*.ts",
    ".env",
    "deep",
    "*/deep",
    "**/d*",
    "src",
    "!**/d.ts",
    "/b.txt",
    "*",
    "b.txt",
]
_excluded = st.lists(st.sampled_from(EXCLUDED).map("--exclude={}".format), min_size=1, max_size=2)
_parents = st.sampled_from([["--parents"], ["--parents=true"], ["--parents=false"]])
_ignored = st.sampled_from(
    ["", "**/*.log", "src\n!src/deep", "*\n!lib\n!s*/c.ts", "b.txt\n.dockerignore"]
)


def _copying(flags):
    words = st.lists(st.sampled_from(SOURCES), min_size=1, max_size=3)
    keyword = st.sampled_from(["COPY", "ADD"])
    return st.tuples(keyword, flags, words, st.booleans()).map(lambda t: _written(*t))


def _written(keyword: str, flags: list[str], words: list[str], as_json: bool) -> str:
    keyword = "COPY" if any("parents" in flag for flag in flags) else keyword
    words = [*words, "/at/"]
    return " ".join([keyword, *flags, json.dumps(words) if as_json else " ".join(words)])


def copied_forecast(folder: Path, line: str) -> list[str]:
    """Return what we say that a line takes: the paths of files, and where links lead to."""
    text = f"FROM scratch\nARG D=src/deep\nENV F=s\n{line}\n"
    file = dockerfile.parse(text)
    (copy,) = copies.of_stage(file, file.stages[0])
    survey = context.survey(folder, context.rules(folder, folder / "Dockerfile"))
    return sorted({LINKS.get(path, path) for path in copy.taken(survey)} - {".dockerignore"})


def copied_really(engine, folder: Path, line: str) -> list[str] | None:
    """Return what the builder takes, told by its content; None when it finds no such path."""
    (folder / "Dockerfile").write_text(f"FROM scratch\nARG D=src/deep\nENV F=s\n{line}\n")
    out = folder.parent / f"{folder.name}.tar"
    done = asked(engine, folder, "--quiet", "--output", f"type=tar,dest={out}")
    if done.returncode:
        assert re.search("not found|no such file|too many (sym)?links", done.stderr), (line, done.stderr)
        return None
    with tarfile.open(out) as tar:
        found = {
            m.linkname if m.issym() else tar.extractfile(m).read().decode() for m in tar if not m.isdir()
        }
    return sorted(found - {(folder / name).read_text() for name in (".dockerignore", "Dockerfile")})


@pytest.mark.parametrize(
    ("flags", "needs"),
    [
        (st.just([]), []),
        (_excluded, ["--exclude=x"]),
        (_parents, ["--parents"]),
        (
            st.tuples(_parents, _excluded).map(lambda pair: pair[0] + pair[1]),
            ["--parents", "--exclude=x"],
        ),
    ],
    ids=["plain", "exclude", "parents", "parents and exclude"],
)
def test_an_instruction_takes_what_the_builder_copies(engine, home, flags, needs):
    probe = home()
    (probe / "f").write_text("f")
    (probe / "Dockerfile").write_text(f"FROM scratch\nCOPY {' '.join(needs)} f /\n")
    if "unknown flag" in asked(engine, probe, "--output", "type=cacheonly").stderr:
        pytest.skip(f"this builder does not know {' and '.join(needs)}")

    told: list[list[str]] = []

    @few
    @given(lines=st.lists(_copying(flags), min_size=18, max_size=18, unique=True), ignored=_ignored)
    def agrees(lines, ignored):
        root = home()

        def one(at: int) -> tuple[str, list[str] | None, list[str]]:
            folder = root / f"copy-{at}"
            for name in [*FILES, *LINKS]:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(name) if name in FILES else (folder / name).symlink_to(
                    LINKS[name]
                )
            (folder / "empty").mkdir()
            (folder / ".dockerignore").write_text(f"Dockerfile\n{ignored}\n")
            return (
                lines[at],
                copied_really(engine, folder, lines[at]),
                copied_forecast(folder, lines[at]),
            )

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(one, range(len(lines))))
        assert [o for o in outcomes if o[1] is not None and o[1] != o[2]] == []
        told.extend(really for _, really, _ in outcomes if really)

    agrees()
    assert len(told) >= 15


# Links and pipes

LINKED = {  # links of a folder that holds src/Real, src/keys and the file f; a list keeps f out
    "own list beside a link": {"Dockerfile": "src/Real", "Dockerfile.dockerignore": "src/keys"},
    "list beside what a link leads to": {"Dockerfile": "src/Real", "src/Real.dockerignore": "keys"},
    "a link to a link": {"Dockerfile": "src/one", "src/one": "Real", ".dockerignore": "src/keys"},
    "a link from the top": {"Dockerfile": "/src/Real", ".dockerignore": "/src/keys"},
    "a list outside": {"Dockerfile": "src/Real", ".dockerignore": "../outside"},
    "an own list outside": {"Dockerfile": "src/Real", "Dockerfile.dockerignore": "../outside"},
    "a list that is nowhere": {"Dockerfile": "src/Real", ".dockerignore": "nowhere"},
    "a list that is a folder": {"Dockerfile": "src/Real", ".dockerignore": "src"},
    "a way up and back": {"Dockerfile": "../../src/Real", ".dockerignore": "../src/keys"},
    "a Dockerfile outside": {"Dockerfile": "../outside"},
    "a Dockerfile outside, from the top": {"Dockerfile": "/etc/hostname"},
    "a Dockerfile that is nowhere": {"Dockerfile": "nowhere"},
}


@pytest.mark.parametrize("links", LINKED.values(), ids=LINKED)
def test_links_lead_where_the_builder_follows_them(engine, home, links):
    root = home() / "context"
    (root / "src").mkdir(parents=True)
    (root / "src" / "Real").write_text("FROM scratch\nCOPY . /\n")
    for lists in (root / "src" / "keys", root.parent / "outside", root / "f"):
        lists.write_text("f\n")
    for name, target in links.items():
        (root / name).symlink_to(target)
    out = root.parent / "out.tar"
    done = asked(engine, root, "--quiet", "--output", f"type=tar,dest={out}")
    try:
        dockerfile.read(root / "Dockerfile")
    except DockerfileError:
        assert "failed to read dockerfile" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        with tarfile.open(out) as tar:
            assert sorted(member.name.strip("/") for member in tar) == forecast(root)


def test_a_pipe_and_a_socket_go_over_as_they_are(engine, home):
    root = home() / "context"
    root.mkdir()
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    os.mkfifo(root / "pipe")
    with tarfile.open(made(engine, root)) as tar:
        assert tar.getmember("pipe").isfifo()
    assert forecast(root) == ["Dockerfile", "pipe"]


@pytest.mark.parametrize(
    "text",
    [
        b"# caf\xe9\nFROM scratch\nCOPY f /\n",
        b"#!/usr/bin/env x\n# escape=`\nFROM scratch\nCOPY \\\n f /\n",
        b"#!/usr/bin/env x\n# escape=x\n# escape=`\nFROM scratch\nCOPY f /\n",
    ],
)
def test_a_first_line_for_a_shell_and_other_encodings_are_read_as_the_builder_reads_them(
    engine, home, text
):
    root = home() / "context"
    root.mkdir()
    (root / "Dockerfile").write_bytes(text)
    (root / "f").write_text("f")
    with tarfile.open(made(engine, root)) as tar:
        assert tar.getnames() == ["f"]
    parsed = dockerfile.read(root / "Dockerfile")
    assert [instruction.words()[0] for instruction in parsed.instructions] == ["scratch", "f"]


# Words

KNOWN = {"A": "1", "E": "", "V": "v20.18.0", "P": "/a/b.c/a", "U": "üé空ü", "S": " x  y ", "X": "a*b?c"}
_name = st.sampled_from([*KNOWN, "Z"])
_text = st.sampled_from(
    [
        *"ab1/:.-*?ü",
        "'x y'",
        '"x y"',
        "\\a",
        "\\$",
        '\\"',
        "\\ ",
        "`",
        "``",
        "$",
        "$$",
        "=",
        "<",
        "#",
        "+",
    ]
)
_pattern = st.sampled_from(
    ["v", "*", "?", "*.", "a", "\\*", "\\?", "\\}", "ü", ".", "[a]", "b*", "", "$A"]
)


def _substitution(inner):
    operators = st.sampled_from([":-", "-", ":+", "+", ":?", "?"])
    trims = st.sampled_from(["#", "##", "%", "%%"])
    swaps = st.sampled_from(["/", "//"])
    plain = st.tuples(_name, operators, inner).map(lambda t: f"${{{t[0]}{t[1]}{t[2]}}}")
    cut = st.tuples(_name, trims, _pattern, _pattern).map(lambda t: f"${{{''.join(t)}x}}")
    swap = st.tuples(_name, swaps, _pattern, _text).map(lambda t: f"${{{t[0]}{t[1]}{t[2]}/{t[3]}}}")
    return st.lists(plain | cut | swap | _text, min_size=1, max_size=3).map("".join)


_word = st.recursive(
    _text | _name.map("${}".format) | _name.map(lambda name: f"${{{name}}}"), _substitution, max_leaves=6
)


@few
@given(words=st.lists(_word, min_size=60, max_size=60, unique=True), escape=st.sampled_from("\\`"))
def test_words_become_what_the_builder_makes_of_them(engine, home, new_tag, words, escape):
    head = f"# escape={escape}\nFROM scratch\n"
    head += "".join(f'ENV {name}="{value}"\n' for name, value in KNOWN.items())
    wanted, broken = {}, []
    for at, word in enumerate(words):
        line = f"LABEL k{at}={word}z\n"
        (label,) = dockerfile.parse(f"# escape={escape}\nFROM scratch\n{line}").instructions[1:]
        if len(dockerfile.split(label.value, escape)) == 1:
            try:
                wanted[f"k{at}"] = expand(label.value.partition("=")[2], KNOWN, escape)
                head += line
            except DockerfileError:
                broken.append(f"# escape={escape}\nFROM scratch\n{line}")
    folder, tag = home(), new_tag()
    (folder / "Dockerfile").write_text(head)
    done = asked(engine, folder, "--quiet", "--tag", tag, "--label", "workbook=test")
    assert done.returncode == 0, done.stderr
    labels = engine.client.images.get(tag).labels
    assert {name: labels.get(name) for name in wanted} == wanted
    assert all(refused(engine, folder, broken[:4]))


# Stages


@st.composite
def _stages(draw) -> str:
    text = draw(st.sampled_from(["", "\ufeff", "# syntax-like\n", "# escape=`\n", "ARG B=scratch\n"]))
    names = draw(st.permutations(["one", "Two", "x.y", "a-b", "c_d"]))
    known: list[str] = []
    for at in range(draw(st.integers(2, 5))):
        base = draw(st.sampled_from(["scratch", *(["$B"] if "ARG" in text else []), *known]))
        name = draw(st.sampled_from([None, names[at]]))
        text += draw(st.sampled_from(["FROM", "from"])) + f" {base}"
        text += f" {draw(st.sampled_from(['AS', 'as']))} {name}\n" if name else "\n"
        text += f"COPY f /s{at}\n"
        for source in draw(
            st.lists(st.sampled_from([*known, *map(str, range(at))]), max_size=2) if at else st.just([])
        ):
            text += f"COPY --from={source} . /from-{source.lower()}/\n"
        known += [name.lower()] if name else []
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@settings(few, max_examples=12)
@given(text=_stages(), data=st.data())
def test_a_build_runs_the_stages_that_we_say_it_needs(engine, home, text, data):
    parsed = dockerfile.parse(text)
    named = [stage.name for stage in parsed.stages if stage.name]
    target = data.draw(st.sampled_from([None, *named, *(name.upper() for name in named)]))
    assert run(engine, home(), text, target) == {stage.label for stage in parsed.needs(target)}


def run(engine, folder: Path, text: str, target: str | None) -> set[str]:
    """Build, and return the names of the stages of which a step ran."""
    (folder / "f").write_text(os.urandom(8).hex())
    (folder / "Dockerfile").write_bytes(text.encode())
    more = ["--target", target] if target else []
    done = asked(engine, folder, "--progress=rawjson", "--output", "type=cacheonly", *more)
    assert done.returncode == 0, done.stderr
    progress = Progress()
    for line in done.stderr.splitlines():
        progress.feed(line)
    return {step.stage for step in progress.steps if not step.internal}


def test_of_a_hundred_stages_those_run_that_we_say_are_needed(engine, home):
    text = "FROM scratch AS s0\nCOPY f /s0\n"
    for at in range(1, 100):
        base = f"s{at - 2}" if at % 7 == 0 else "scratch"
        text += f"FROM {base} AS s{at}\nCOPY f /s{at}\nCOPY --from=s{at // 2} . /from/\n"
    needed = {stage.label for stage in dockerfile.parse(text).needs("s98")}
    assert 5 < len(needed) < 50
    assert run(engine, home(), text, "s98") == needed


def test_a_mount_from_a_number_means_an_image_of_that_name(engine, home):
    text = 'FROM scratch AS one\nCOPY f /\nFROM scratch\nRUN --mount=from=0,target=/t ["/x"]\n'
    assert dockerfile.parse(text).base_images() == ["0"]
    folder = home()
    (folder / "f").write_text("f")
    (folder / "Dockerfile").write_text(text)
    assert "library/0" in asked(engine, folder, "--output", "type=cacheonly").stderr


# Names

A64 = "a" * 64
BAD_NAMES = [
    *("Node:20", "node:20:21", "node:", "node@sha256:abc", f"node@sha256:{A64.upper()}", A64),
    *(
        f"node@md5:{A64}",
        f"node@sha512:{A64}",
        "https://x.invalid/y",
        "a//b",
        "a__-b",
        "-a",
        "a:-b",
        "/a",
    ),
    *(
        "x.invalid/A",
        "x.invalid/a:b/c",
        f"x.invalid/{'a' * 255}/b",
        "a/",
        "ü",
        "a:ü",
        "[::1]:5000",
    ),
    *("$V", "a:$V", "a:$V-b", "$V/a", "a@$V"),
]
GOOD_NAMES = [
    *("x.invalid/a", "X.invalid/b", "x.invalid:5/a/b__c:D_1.2-3", f"x.invalid/a:1@sha256:{A64}"),
    *(f"x.invalid/a@sha512:{A64}{A64}", "[::1]:5/a", "x.invalid/a--b.c", "$W/a", "x.invalid/a${V:+:$V}"),
]
OF_A_NAME = (
    "parse stage name",
    "should not be blank",
    "support variable",
    "variable expansion is not supported",
    "requires either one or three",
)


@pytest.mark.parametrize(
    "form",
    [
        "ARG W=x.invalid\nFROM {}\nCOPY f /\n",
        "FROM scratch\nCOPY --from={} f /\n",
        "FROM scratch AS one\nRUN --mount=from={},target=/x true\nFROM scratch\nCOPY f /\n",
    ],
    ids=["FROM", "COPY", "RUN of a stage that is not needed"],
)
def test_a_name_that_the_builder_refuses_is_refused_and_no_other(engine, home, form):
    names = [*BAD_NAMES, *(n for n in GOOD_NAMES if form.startswith("ARG") or "$" not in n)]
    folder = home()

    def refused_by_builder(name: str) -> bool:
        mine = folder / f"{names.index(name)}"
        mine.mkdir()
        (mine / "f").write_text("f")
        (mine / "Dockerfile").write_text(form.format(name))
        said = asked(engine, mine, "--quiet", "--output", "type=cacheonly").stderr
        return any(words in said for words in OF_A_NAME)

    def refused_by_us(name: str) -> bool:
        try:
            dockerfile.parse(form.format(name)).base_images()
        except DockerfileError:
            return True
        return False

    with ThreadPoolExecutor(4) as pool:
        theirs = dict(zip(names, pool.map(refused_by_builder, names), strict=True))
    assert {name: refused_by_us(name) for name in names} == theirs
    assert theirs == {name: name in BAD_NAMES for name in names}


# Whole files

DOCUMENTS = [
    "COPY <<'EOF' /h0\n$A \\\n# no comment\nFROM x\n\n\tEO\nEOF\n",
    "COPY <<-'EF' /h1\n\ta\n\t\t b\n\tEF\n",
    "COPY <<'a' <<\"b\" /h2/\none\na\ntwo\nb\n",
    "COPY \\\n# comment\n <<'E' \\\n\n /h3\nx\nE\n",
    "copy\t<<'EOF'\t/h4\nEOF\n",
]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_here_documents_hold_what_the_builder_writes(engine, home, end):
    text = "\ufeff" + ("FROM scratch\n" + "".join(DOCUMENTS)).replace("\n", end)
    folder = home()
    (folder / "Dockerfile").write_bytes(text.encode())
    with tarfile.open(made(engine, folder)) as tar:
        files = {m.name: tar.extractfile(m).read().decode() for m in tar if m.isfile()}
    bodies = [body for i in dockerfile.parse(text).instructions for body in i.heredocs]
    assert [files[name] for name in ("h0", "h1", "h2/a", "h2/b", "h3", "h4")] == bodies


REFUSED = [
    "",
    "# comment\n",
    "ENV A=1\nFROM scratch\n",
    "FROM\n",
    "FROM scratch x\n",
    "FROM scratch AS\n",
    "FROM scratch IS x\nCOPY f /\n",
    "FROM scratch AS 1a\nCOPY f /\n",
    "FROM scratch AS ü\nCOPY f /\n",
    "FROM scratch AS -a\nCOPY f /\n",
    "FROM $NONE\nCOPY f /\n",
    "FROM ${A\nCOPY f /\n",
    "FROM ${A^}\nCOPY f /\n",
    "FROM 'scratch\nCOPY f /\n",
    "# escape=x\nFROM scratch\nCOPY f /\n",
    "# escape=`\n# escape=`\nFROM scratch\nCOPY f /\n",
    "FROM scratch\nCOPY <<EOF /x\nno end\n",
]
ACCEPTED = [
    "FROM scratch AS a.b-c_d\nCOPY f /\n",
    "\ufeff# escape=`\nFROM `\n scratch\nCOPY f /\n",
    "# not a directive\n# escape=x\nFROM scratch\nCOPY f /\n",
    "ARG A=scr B=$A\nFROM ${B}atch\nCOPY f /\n",
    "FROM ${A:-scratch}\nCOPY f /\n",
    "ARG A=scratch:1\nFROM ${A%:*}\nCOPY f /\n",
    "FROM scr\\\n# between\natch\nCOPY f /\n",
    "FROM 'scratch'\nCOPY f /\n",
    "FROM --platform=$BUILDPLATFORM scratch\nONBUILD COPY --from=none / /\nCOPY f /\n",
    "FROM scratch\r\n\r\n  # x\r\nCOPY f /\r\n",
]


def test_a_file_that_the_builder_refuses_is_refused_and_no_other(engine, home):
    def we_refuse(text: str) -> bool:
        try:
            dockerfile.parse(text).base_images()
        except DockerfileError:
            return True
        return False

    texts = REFUSED + ACCEPTED
    theirs = dict(zip(texts, refused(engine, home(), texts), strict=True))
    assert theirs == {text: text in REFUSED for text in texts}
    assert {text: we_refuse(text) for text in texts} == theirs
