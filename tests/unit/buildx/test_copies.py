"""What COPY and ADD take from a context; the engine test holds it against a builder."""

from __future__ import annotations

import pytest

from helpers.buildx import context, copies, dockerfile, dockerignore

FILES = ["a.log", "b.txt", ".env", "src/a.ts", "src/.env", "src/deep/b.ts", "src/deep/c.log", "lib/d.ts"]
LINKS = {
    "way": "src/deep",
    "one": "b.txt",
    "up": "src/../b.txt",
    "root": "/src/a.ts",
    "src/out": "../b.txt",
}


@pytest.fixture
def survey(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for name, target in LINKS.items():
        (tmp_path / name).symlink_to(target)
    return lambda patterns="": context.survey(tmp_path, dockerignore.parse(patterns))


def taken(survey, text: str, base: str = "scratch", **arguments: str) -> set[str]:
    file = dockerfile.parse(f"FROM {base}\n{text}\n", arguments)
    return {p for copy in copies.of_stage(file, file.stages[-1]) for p in copy.taken(survey)}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("COPY src/deep /x/", {"src/deep/b.ts", "src/deep/c.log"}),
        ("ADD ./b.txt .env /x/", {"b.txt", ".env"}),
        ('COPY ["b.txt", "/x/"]', {"b.txt"}),
        ("COPY ../b.txt src/../a.log /x/", {"b.txt", "a.log"}),
        ("COPY *.log */*.ts /x/", {"a.log", "src/a.ts", "lib/d.ts"}),
        ("COPY s[p-s]c/d*p /x/", {"src/deep/b.ts", "src/deep/c.log"}),
        ("COPY way /x/", {"src/deep/b.ts", "src/deep/c.log"}),
        ("COPY way/*.log one up root /x/", {"src/deep/c.log", "b.txt", "src/a.ts"}),
        ("COPY src/out /x/", {"b.txt"}),
        ("COPY <<EOF b.txt /x/\nFROM a\nEOF", {"b.txt"}),
        ("COPY --from=other b.txt /x/", set()),
        ("ADD https://a.invalid/b b.txt /x/", {"b.txt"}),
        ("COPY --exclude=*.log src/deep /x/", {"src/deep/b.ts"}),
        ("COPY --exclude=deep/*.log src/d* /x/", {"src/deep/b.ts", "src/deep/c.log"}),
        ("COPY --exclude=*.log *.log src/d* /x/", {"a.log", "src/deep/b.ts"}),
        ("COPY --exclude=* --exclude=!b.ts src/deep /x/", {"src/deep/b.ts"}),
        ("COPY --exclude=/b.ts src/deep /x/", {"src/deep/b.ts", "src/deep/c.log"}),
        ("COPY --parents src/deep /x/", {"src/deep/b.ts", "src/deep/c.log"}),
        ("COPY --parents **/*.ts /x/", {"src/a.ts", "src/deep/b.ts", "lib/d.ts"}),
        ("COPY --parents src/./**/*.ts /x/", {"src/a.ts", "src/deep/b.ts"}),
        ("COPY --parents --exclude=**/deep **/*.ts /x/", {"src/a.ts", "lib/d.ts"}),
        ("COPY [b.txt /x/", set()),
        ("COPY [[b].txt /x/", {"b.txt"}),
        (r"COPY \\b*.txt /x/", {"b.txt"}),
        ("COPY --exclude=[a . /x/", set()),
        ("COPY none /x/", set()),
    ],
)
def test_what_one_instruction_takes(survey, text, paths):
    assert taken(survey(), text) == paths


def test_all_of_the_context_is_what_is_sent(survey):
    sent = set(FILES) | set(LINKS)
    assert taken(survey(), "COPY . /x/") == sent
    assert taken(survey("**/.env\n"), "COPY * /x/") == (
        sent - {".env", "src/.env"} - {"way", "one", "up", "root"}
    )
    assert taken(survey("src\n"), "COPY src /x/") == set()


def test_an_excluded_file_comes_along_when_a_wildcard_names_it(survey):
    assert ".env" in taken(survey(), "COPY --exclude=.env .e* /x/")
    assert ".env" not in taken(survey(), "COPY --exclude=.env . /x/")


@pytest.mark.parametrize(
    "text",
    [
        "ARG D=deep\nCOPY src/$D /x/",
        "ENV D=deep\nARG D=lib\nCOPY src/${D} /x/",
        "ENV D deep\nCOPY src/$D /x/",
        "ARG E\nARG D=${E:-deep}\nCOPY src/$D /x/",
        'ENV A=s B="${A:-x}rc"\nARG P=s\nENV Q=${P}rc/deep\nCOPY $Q /x/',
    ],
)
def test_variables_are_replaced_by_what_the_file_gives_them(survey, text):
    assert taken(survey(), text) == {"src/deep/b.ts", "src/deep/c.log"}


def test_a_build_argument_counts_where_it_is_declared(survey):
    assert taken(survey(), "ARG D=lib\nCOPY $D /x/", D="src/deep") == {"src/deep/b.ts", "src/deep/c.log"}
    assert taken(survey(), "COPY lib$D /x/", D="src/deep") == {"lib/d.ts"}


def test_a_variable_that_the_base_image_may_set_may_be_any_path(survey):
    assert taken(survey(), "COPY $HOME /x/", base="node:20") == set(FILES) | set(LINKS)


def test_a_stage_takes_what_its_base_triggers_and_knows_its_base_s_variables(survey):
    text = "AS one\nENV D=deep\nONBUILD COPY lib /x/\nFROM one\nCOPY src/$D /x/"
    assert taken(survey(), "x", base=f"scratch {text}\n#") == {
        "lib/d.ts",
        "src/deep/b.ts",
        "src/deep/c.log",
    }
