"""Docker's rules for ignore files, one behaviour a test; the engine test holds them against a builder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.buildx import dockerignore
from helpers.host import paths
from helpers.host.errors import WorkbookError
from helpers.measure import developer_folder


def kept_out(patterns: str, *paths: str) -> list[str]:
    rules = dockerignore.parse(patterns)
    return [path for path in paths if rules.decide(path).kept_out]


@pytest.mark.parametrize(
    ("patterns", "out", "sent"),
    [
        ("node_modules", ["node_modules", "node_modules/a/b"], ["tools/node_modules", "node_modules2"]),
        (
            "**/node_modules",
            ["node_modules", "tools/node_modules/a", "a/b/node_modules"],
            ["xnode_modules"],
        ),
        ("*.log", ["npm.log"], ["logs/npm.log", "npm.logs"]),
        ("**/*.log", ["npm.log", "logs/a/npm.log"], ["npm.logx"]),
        ("logs/**", ["logs/a", "logs/a/b"], ["logs", "old/logs/a"]),
        ("**", ["a", "a/b"], []),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["a/zz", "z"]),
        ("**/a/**", ["a/b", "x/a/b/c"], ["a", "x/a", "b"]),
        ("**log", ["log", "catalog", "a/blog"], ["logs"]),
        ("*/temp*", ["a/temp", "a/temporary/file"], ["temp", "a/b/temp"]),
        ("temp?", ["tempa"], ["temp", "tempab"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[^a-c]x", ["dx"], ["ax"]),
        (r"a\*b", ["a*b"], ["axb"]),
        ("a.b+c(d)|{e}$", ["a.b+c(d)|{e}$"], ["axb+c(d)|{e}$"]),
        ("/src", ["src", "src/a"], ["lib/src"]),
        ("./src/", ["src/a"], ["lib/src"]),
        ("a/../b", ["b"], ["a"]),
        ("  spaced  ", ["spaced"], []),
        ("# no pattern", [], ["# no pattern"]),
        (" # a pattern", ["# a pattern"], []),
        ("\n\n", [], ["a"]),
        ("\N{BYTE ORDER MARK}first", ["first"], []),
        ("a\r\nb\r\n", ["a", "b"], []),
        (".", [], ["a"]),
        ("../up", [], ["up"]),
        ("/ a", ["a"], [" a"]),
        ("./\xa0a", ["a"], []),
        ("a|b*", ["a", "axe", "xb", "b"], ["x"]),
        ("a{2}*", ["aa", "aab"], ["ab", "a{2}"]),
        ("a{,2}*", ["a{,2}b"], ["aa"]),
        ("*.{js,ts}", ["a.{js,ts}"], ["a.js"]),
        (r"\w", ["a", "_"], ["ü", "-"]),
        (r"ü\bx", ["üx"], []),
        (r"\x61\101", ["aA"], ["x61"]),
        (r"[\]-a]", ["]", "^", "a"], ["b"]),
        ("[&&[a]", ["[", "&", "a"], ["b"]),
        ("README.*", ["README.md"], ["readme.md"]),
        ("^{1}a$*", ["a$b"], ["^a"]),
        ("[ü-ý]", ["ü"], ["u"]),
    ],
)
def test_what_one_pattern_keeps_out(patterns, out, sent):
    assert kept_out(patterns, *out, *sent) == out


def test_the_last_line_that_fits_decides():
    files = ("docs/a.md", "docs/README.md")
    assert kept_out("docs\n!docs/README.md", *files) == ["docs/a.md"]
    assert kept_out("!docs/README.md\ndocs", *files) == list(files)


def test_a_file_comes_back_out_of_a_folder_that_is_kept_out_at_any_depth():
    rules = "test\n!**/one.json"
    assert kept_out(rules, "test/fixtures/one.json", "test/fixtures/two.json") == [
        "test/fixtures/two.json"
    ]


def test_the_first_exercise_s_answer_sends_the_one_fixture():
    rules = f"{developer_folder.FIXTURES}\n!{developer_folder.SMALL_FIXTURE}"
    large = f"{developer_folder.FIXTURES}/manifests-00.ndjson.gz"
    assert kept_out(rules, developer_folder.SMALL_FIXTURE, large, "test/config.test.ts") == [large]


def test_the_article_s_list_with_four_times_any_depth_keeps_every_secret_out():
    listed = (paths.DOCKERFILES / "minimal.dockerignore").read_text()
    assert kept_out(listed, *developer_folder.SECRET_FILES) == [".env", ".env.local"]
    mended = "**/node_modules\n.git\n**/.env*\n**/dist\n**/*.log"
    assert kept_out(mended, *developer_folder.SECRET_FILES) == list(developer_folder.SECRET_FILES)
    assert kept_out(mended, developer_folder.SMALL_FIXTURE, "coverage/lcov.info") == []


def test_an_allow_list_keeps_out_everything_but_what_it_names():
    assert kept_out("*\n!src\n!package*.json", "src/a/b.ts", "package.json", "lib/a", ".env") == [
        "lib/a",
        ".env",
    ]


def test_a_readmission_before_anything_was_kept_out_is_not_handed_down():
    assert kept_out("a/b\n!a", "a/b") == ["a/b"]


def test_a_decision_names_its_line():
    rules = dockerignore.parse("# comment\n*.md\n!README.md\n")
    assert rules.decide("x.md").by.line == 2
    assert rules.decide("README.md").by.written == "!README.md"
    assert rules.decide("README.txt").by is None


def test_a_mark_that_comes_to_the_front_when_a_path_is_cleaned_readmits():
    for line in ("./!a", "/!a ", "x/../!a"):
        assert kept_out(f"*\n{line}", "a", "b") == ["b"]


@pytest.mark.parametrize(
    "pattern",
    [
        "[a",
        "[]",
        "[]a]",
        "[a-]",
        "[-a]",
        "[^]",
        "a\\",
        "!",
        "!/",
        "./!",
        "\\/\xa0",
        "a\tb",
        "?[a",
        "*[a",
    ],
)
def test_a_pattern_that_docker_refuses_is_refused_with_its_line(pattern):
    with pytest.raises(WorkbookError, match="Line 2 "):
        dockerignore.parse(f"fine\n{pattern}\n")


@pytest.mark.parametrize(
    "pattern", ["[z-a]", r"\p", r"\ü", r"\1", r"\y", "b*[a", "[[:alpha:]]", r"\Qa\E"]
)
def test_a_pattern_that_docker_refuses_when_it_first_tries_it_is_refused_then(pattern):
    rules = dockerignore.parse(f"!{pattern}\nfine\n{pattern}\n")
    assert rules.decide("fine").kept_out
    with pytest.raises(WorkbookError, match="Line 3 "):
        rules.decide("other")


def test_a_control_character_travels_only_beside_a_letter_outside_ascii():
    assert kept_out("a\x01\nü", "a\x01", "a") == ["a\x01"]
    with pytest.raises(WorkbookError, match=r"Line 2 .* control character"):
        dockerignore.parse("u\na\x01")


@given(
    text=st.text(st.sampled_from("ab/*?[]^-!#\\{}2,|+.$ \n\t\r\xa0ü:dwpQEx"), max_size=30),
    path=st.text(st.sampled_from("ab/.ü\n\udce9 "), min_size=1, max_size=8),
)
def test_any_list_judges_any_path_or_is_refused_in_one_sentence(text, path):
    try:
        decision = dockerignore.parse(text).decide(path.strip("/") or "a")
    except WorkbookError as error:
        _assert_a_sentence(str(error))
    else:
        assert decision.kept_out in (True, False)


def _assert_a_sentence(text):
    assert text.startswith("Line ")
    assert text.endswith(".")
