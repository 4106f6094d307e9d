"""A line is supported up to its last day; the name of an image tells the lines that it stands on."""

from datetime import date, timedelta

import pytest

from helpers.claims import support
from helpers.host.errors import WorkbookError

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize("line", [line for line in support._all() if line.end], ids=str)
def test_the_last_day_is_supported_and_the_next_is_not(line):
    assert line.supported(line.end)
    assert not line.supported(line.end + timedelta(days=1))
    assert f"until {line.end}" in line.phrase(line.end)
    assert f"past its end of life since {line.end}" in line.phrase(line.end + timedelta(days=1))


@pytest.mark.parametrize("line", support._all(), ids=str)
def test_a_line_has_a_source_and_an_end_that_is_a_day_or_a_condition(line):
    assert "https://" in line.source
    assert (line.end is None) == bool(line.until)
    assert line.released is None or line.end is None or line.released < line.end


def test_no_line_is_there_twice():
    names = [str(line) for line in support._all()]
    assert len(names) == len(set(names))


def test_a_day_before_the_release_is_not_supported():
    line = support.line("Node", "26")
    assert not line.supported(line.released - timedelta(days=1))


def test_a_line_without_a_fixed_end_is_supported_and_says_what_decides():
    (line,) = [line for line in support.lines_of("gcr.io/distroless/nodejs24") if line.end is None]
    assert line.supported(TODAY)
    assert line.months_left(TODAY) == float("inf")
    assert line.phrase(TODAY).endswith("until three months after the release of Debian 14")


def test_long_term_support_is_said_while_it_lasts():
    debian = support.line("Debian", "bookworm")
    assert debian.phrase(TODAY).endswith("since 2026-07-11; long-term support ends on 2028-06-30")
    assert debian.phrase(date(2030, 1, 1)).endswith("since 2026-07-11")


@pytest.mark.parametrize(
    ("image", "lines"),
    [
        ("node:20", ["Node 20", "Debian 12"]),
        ("node:26-slim", ["Node 26", "Debian 13"]),
        ("node:24-trixie-slim", ["Node 24", "Debian 13"]),
        ("node:22.12.0-bookworm", ["Node 22", "Debian 12"]),
        ("docker.io/library/node:20-alpine3.23@sha256:00", ["Node 20", "Alpine 3.23"]),
        ("node:24-alpine", ["Node 24"]),
        (
            "gcr.io/distroless/nodejs20-debian12:nonroot",
            ["Node 20", "Debian 12", "distroless for Node on Debian 12"],
        ),
        (
            "gcr.io/distroless/nodejs24",
            ["Node 24", "Debian 13", "distroless for Node on Debian 13"],
        ),
        ("node:99", []),
        ("node:18-bullseye", ["Node 18", "Debian 11"]),
        ("debian:bookworm-20250113-slim", ["Debian 12"]),
        ("debian:12.9", ["Debian 12"]),
        ("alpine:3.18.4", ["Alpine 3.18"]),
        ("alpine", []),
        ("debian:stable", []),
        ("node:lts", []),
        ("python:3.12", ["Python 3.12"]),
        ("docker.io/library/python:3.9.18-slim-bullseye", ["Python 3.9", "Debian 11"]),
        ("golang:1.20-alpine3.18", ["Go 1.20", "Alpine 3.18"]),
        ("php:8.1.2-fpm-alpine", ["PHP 8.1"]),
        ("ruby:2.7.8", ["Ruby 2.7"]),
        ("mcr.microsoft.com/dotnet/aspnet:8.0-jammy", [".NET 8", "Ubuntu 22.04"]),
        ("mcr.microsoft.com/dotnet/core/sdk:3.1", [".NET 3.1"]),
        ("ubuntu:20.04", ["Ubuntu 20.04"]),
        ("ubuntu:focal-20230801", ["Ubuntu 20.04"]),
        *(("python:3", []), ("golang:1-alpine", []), ("php:apache", []), ("ubuntu", [])),
        ("company/python:3.9", []),  # it may number its own releases
        ("node-exporter:24", []),
    ],
)
def test_the_name_of_an_image_tells_its_lines(image, lines):
    assert [str(line) for line in support.lines_of(image)] == lines


def test_what_the_article_stands_on_is_over():
    images = ("node:20", "node:20-alpine", "gcr.io/distroless/nodejs20-debian12")
    over = ["Node 20", "Debian 12", "distroless for Node on Debian 12"]
    assert [str(line) for line in support.ended(images, TODAY)] == over
    assert support.ended(["node:24-trixie-slim", "python:3.12"], TODAY) == []


def test_an_unknown_line_is_refused_with_the_known_ones():
    with pytest.raises(WorkbookError, match=r"no Node 9; it has the lines 6, 8, 10, 11, .*, 25, 26\.$"):
        support.line("Node", "9")
