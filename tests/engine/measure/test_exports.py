"""Images in archives: what a builder writes down about a build, and times that do not differ."""

from __future__ import annotations

import pytest

from helpers.buildx import BuildError
from helpers.measure import exports

pytestmark = [
    pytest.mark.engine,
    pytest.mark.rare,
    pytest.mark.skipif("not exports.available()"),
]
KEY = "a-build-argument-of-the-builder-stage"
FILE = """\
FROM node:20-alpine AS builder
ARG KEY
RUN printf '%s' "$KEY" | wc -c > length.txt
FROM scratch
COPY --from=builder length.txt /
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    made = tmp_path_factory.mktemp("exported") / "Dockerfile"
    made.write_text(FILE)
    return made


@pytest.fixture(scope="module")
def machine(file):
    with exports.exporter(file) as engine:
        yield engine


@pytest.mark.parametrize(("mode", "told"), [("min", False), ("max", True)])
def test_the_fullest_provenance_alone_holds_the_arguments(file, machine, mode, told):
    option = f"--provenance=mode={mode}"
    made = exports.export(file, file.parent, machine, option, build_args={"KEY": KEY})
    assert made.provenance
    assert (KEY in made.provenance) is told
    assert [digest[:7] for digest in made.base_images.values()] == ["sha256:"]


def test_two_builds_are_one_image_once_their_times_are_rewritten(file, machine):
    def build(**how):
        return exports.export(file, file.parent, machine, "--no-cache", "--provenance=false", **how)

    epoch = {"build_args": {"SOURCE_DATE_EPOCH": "1735689600"}, "rewrite_timestamps": True}
    assert build().digest != build().digest
    assert build(**epoch).digest == build(**epoch).digest
    assert not build().attestations


@pytest.mark.parametrize(("link", "kept"), [("", False), ("--link", True)])
def test_a_linked_layer_stays_where_the_base_changes(link, kept, machine, tmp_path):
    (tmp_path / "data").write_text("heavy")
    file = tmp_path / "Dockerfile"
    file.write_text(f"FROM node:20-alpine\nWORKDIR /app\nCOPY {link} data ./data/\n")
    before, after = exports.before_and_after(file, tmp_path, machine)
    assert len(after.layers) == len(before.layers) + 1
    assert (list(after.layers)[-1] == list(before.layers)[-1]) is kept


def test_an_export_that_fails_names_the_step(machine, tmp_path):
    file = tmp_path / "Dockerfile"
    file.write_text("FROM node:20-alpine\nRUN false\n")
    with pytest.raises(BuildError, match="RUN false` failed: exit code: 1"):
        exports.export(file, tmp_path, machine)
