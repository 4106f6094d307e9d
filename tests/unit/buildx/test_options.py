"""The options that a reader adds to a build."""

import pytest

from helpers.buildx import options
from helpers.host.errors import WorkbookError


@pytest.mark.parametrize(
    "given",
    [
        ["--progress=plain"],
        ["--progress", "plain"],
        ["--secret", "id=a,src=b", "--metadata-file", "m.json"],
        ["--metadata-file=m.json"],
        ["-q"],
        ["--quiet"],
        ["--call=check"],
        ["--check"],
    ],
)
def test_what_would_hide_a_build_is_refused_in_a_sentence(given):
    with pytest.raises(
        WorkbookError, match=r"^A build cannot be given --[a-z-]+ here: .*; leave it out\.$"
    ):
        options.require_readable(given)


@pytest.mark.parametrize(
    "given",
    [
        ["--secret", "id=a,src=--progress"],
        ["--build-arg", "--quiet", "--ssh=default"],
        ["--no-cache", "--pull", "--push", "--output", "type=local,dest=x"],
        ["--no-such-option"],
        ["--label"],
        [],
    ],
)
def test_everything_else_is_left_to_the_builder(given):
    options.require_readable(given)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (["--push"], []),
        (["--load", "--secret", "id=a"], ["--secret", "id=a"]),
        (["--tag", "x:1", "-t", "y:1", "-tz:1", "-t=z:2", "--tag=z"], []),
        (["-o", "out", "-oout", "--output=type=registry", "--ssh", "default"], ["--ssh", "default"]),
        (["--iidfile", "id", "--cache-to=type=local,dest=x"], []),
        (["--cache-from", "type=local,src=x"], ["--cache-from", "type=local,src=x"]),
        (["--build-arg", "--push", "--push=true"], ["--build-arg", "--push"]),
        (["--no-cache", "--push", "--pull"], ["--no-cache", "--pull"]),
    ],
)
def test_a_check_is_given_what_writes_nothing(given, left):
    assert options.without_writing(given) == left


def test_named_contexts_are_known_by_the_builders_short_names():
    given = [
        "--build-context",
        "assets=../a",
        "--build-context=docker.io/library/node:latest=docker-image://x",
    ]
    assert options.named_contexts([*given, "--build-arg", "b=c"]) == {
        "assets": "../a",
        "node": "docker-image://x",
    }
