"""A Dockerfile whose ``# syntax=`` leads nowhere is built all the same, or says what it needs."""

from __future__ import annotations

import pytest

from helpers import buildx
from helpers.buildx import BuildError, Request

pytestmark = pytest.mark.engine

NOWHERE = "registry.invalid/dockerfile:1"


def test_the_engines_own_frontend_takes_over_and_the_result_says_so(engine, context, tag):
    text = f"# syntax={NOWHERE}\nFROM scratch\nCOPY source.txt /\n"
    (context / "Dockerfile").write_text(text)
    result = buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)
    assert engine.client.images.get(tag).id == result.image_id
    assert f"{NOWHERE} is out of reach" in result.conditions
    given = result.command[result.command.index("--file") + 1]
    assert given != str(context / "Dockerfile")
    assert (context / "Dockerfile").read_text() == text


def test_the_files_own_ignore_file_still_counts(engine, context, tag):
    (context / "Dockerfile").write_text(f"# syntax={NOWHERE}\nFROM scratch\nCOPY source.txt /\n")
    (context / "Dockerfile.dockerignore").write_text("source.txt\n")
    with pytest.raises(BuildError, match=r"source\.txt"):
        buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)


def test_a_feature_that_no_frontend_here_knows_is_named(engine, context, tag):
    (context / "Dockerfile").write_text(
        f"# syntax={NOWHERE}\nFROM scratch\nCOPY --teleport source.txt /\n"
    )
    with pytest.raises(
        BuildError, match=r"^`COPY --teleport` \(line 3\) is unknown .*cannot be reached"
    ):
        buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)
