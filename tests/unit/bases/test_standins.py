"""Which names have a recipe, what it depends on, and what its image says of itself."""

from __future__ import annotations

import pytest

from helpers.bases import host_settings, standin_layers, standins
from helpers.bases.host_settings import HostSettings

COMPANY = HostSettings(b"certificates", ("registry=https://company/npm/",))
DISTROLESS = "gcr.io/distroless/nodejs20-debian12"


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("node:20", "20.18.0"),
        ("node:20-bookworm", "20.18.0"),
        ("node:20-slim", "20.18.0"),
        ("node:20-trixie-slim", "20.18.0"),
        ("node:22", "22.20.0"),
        ("node:22.11.0", "22.11.0"),
        ("node:22.12", "22.12.0"),
        ("node:20.19-slim", "20.19.6"),
        ("node:22.12-alpine", "22.12.0"),
        ("node:22.15-alpine3.22", "22.15.1"),
        ("node:24-trixie", "24.19.0"),
        ("node:26", "26.10.0"),
        ("node:26-bookworm-slim", "26.10.0"),
        ("node", "26.10.0"),
        ("node:latest", "26.10.0"),
        ("node:lts", "26.10.0"),
        ("node:lts-slim", "26.10.0"),
        ("node:slim", "26.10.0"),
        ("docker.io/library/node:24", "24.19.0"),
        ("node:24-alpine", "24.19.0"),
        ("node:24-alpine3.24", "24.19.0"),
        ("node:22-alpine3.22", "22.20.0"),
        ("node:20-alpine@sha256:" + "0" * 64, "20.18.0"),
        ("buildpack-deps:bookworm", ""),
        ("registry:2", ""),
        ("golang:1.24", ""),
        ("golang:1.24-trixie", ""),
        ("docker.io/library/python:3.13", ""),
        ("python:3.13-slim", ""),
        ("gcr.io/distroless/static-debian13:nonroot", ""),
        ("gcr.io/distroless/static-debian12:debug", ""),
        (DISTROLESS, "20.18.0"),
        ("gcr.io/distroless/nodejs22-debian12:nonroot", "22.20.0"),
        ("gcr.io/distroless/nodejs24-debian12:debug", "24.19.0"),
        ("gcr.io/distroless/nodejs22-debian13:debug-nonroot", "22.20.0"),
        ("gcr.io/distroless/nodejs24-debian13", "24.19.0"),
        ("gcr.io/distroless/nodejs26-debian13:nonroot", "26.10.0"),
        ("gcr.io/distroless/nodejs26", "26.10.0"),
    ],
)
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_these_names_have_a_recipe(name, node, arch):
    recipe = standins.recipe(name, arch)
    assert recipe is not None
    assert recipe.node == node
    assert recipe.settings.architecture == arch


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("node:18", ["node:20", "node:22"]),
        ("node:26-alpine", ["node:24-alpine", "node:22-alpine", "node:26", "node:26-slim"]),
        (
            "node:20-alpine3.24",
            ["node:22-alpine3.24", "node:24-alpine3.24", "node:20-alpine", "node:20"],
        ),
        (
            "node:22.12.9-alpine",
            ["node:22.12.0-alpine", "node:22.13.1-alpine", "node:22-alpine", "node:22"],
        ),
        (
            "node:20.19-alpine",
            ["node:20.18-alpine", "node:20.17-alpine", "node:20.19", "node:20.19-slim"],
        ),
        ("node:24-bullseye", ["node:24", "node:24-slim"]),
        ("node:latest-slim", ["node:26", "node:26-slim"]),
        (
            "gcr.io/distroless/nodejs26-debian12",
            [
                "gcr.io/distroless/nodejs24-debian12",
                "gcr.io/distroless/nodejs22-debian12",
                "gcr.io/distroless/nodejs26-debian13",
            ],
        ),
        (
            "gcr.io/distroless/nodejs20:nonroot",
            [
                "gcr.io/distroless/nodejs22-debian13:nonroot",
                "gcr.io/distroless/nodejs24-debian13:nonroot",
                "gcr.io/distroless/nodejs20-debian12:nonroot",
            ],
        ),
        ("python:3.12", []),
        ("evil/node:20", []),
        ("scratch", []),
    ],
)
def test_what_has_no_recipe_has_near_names_that_have_one(name, near):
    assert standins.recipe(name, "amd64") is None
    assert standins.nearest(name) == near
    assert all(standins.recipe(other, "amd64") for other in near)


def test_a_digest_alone_says_nothing_of_the_version():
    assert standins.recipe("node@sha256:" + "0" * 64, "amd64") is None


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("node:20", "bookworm"),
        ("node:24", "bookworm"),
        ("node:26", "trixie"),
        ("node:24-trixie", "trixie"),
    ],
)
def test_a_line_stands_on_the_debian_of_the_official_image(name, titles):
    assert standins.recipe(name, "amd64").layers[0].facts[1] == titles


def test_yarn_is_there_up_to_24_and_the_entry_point_always():
    for name, yarn in (("node:20", "1.22.22"), ("node:24-alpine", "1.22.22"), ("node:26", None)):
        settings = standins.recipe(name, "amd64").settings
        assert settings.environment.get("YARN_VERSION") == yarn
        assert (settings.entrypoint, settings.command) == (("docker-entrypoint.sh",), ("node",))


def test_an_image_without_node_says_nothing_of_node():
    recipe = standins.recipe("buildpack-deps:bookworm", "amd64")
    assert "workbook.node" not in recipe.settings.labels
    assert "NODE_VERSION" not in recipe.settings.environment


def test_another_architecture_has_no_recipe():
    assert standins.recipe("node:20", "riscv64") is None


def test_an_image_says_what_it_stands_for():
    recipe = standins.recipe("node:20", "amd64")
    assert recipe.settings.labels == {
        "workbook": "stand-in",
        "workbook.stands-for": "node:20",
        "workbook.recipe": recipe.key,
        "workbook.node": "20.18.0",
    }


def test_the_same_recipe_has_the_same_key():
    assert standins.recipe("node:20", "amd64").key == standins.recipe("node:20", "amd64").key


@pytest.mark.parametrize(
    "other",
    [
        ("node:22", "amd64", COMPANY),
        ("node:20", "arm64", COMPANY),
        ("node:20", "amd64", HostSettings(b"other", COMPANY.lines)),
        ("node:20", "amd64", HostSettings(COMPANY.bundle, ())),
    ],
)
def test_whatever_changes_the_image_changes_the_key(other):
    assert standins.recipe("node:20", "amd64", COMPANY).key != standins.recipe(*other).key


def test_a_change_of_the_layers_changes_the_key(monkeypatch):
    before = standins.recipe("node:20-alpine", "amd64").key
    monkeypatch.setattr(standin_layers, "_REVISION", "next")
    assert standins.recipe("node:20-alpine", "amd64").key != before


def test_the_operating_system_is_shared_between_lines_of_node():
    first, second = (standins.recipe(name, "amd64") for name in ("node:20", "node:22"))
    assert first.layers[0].key == second.layers[0].key


def test_the_hosts_settings_go_where_npm_runs_and_nowhere_else():
    node = standins.recipe("node:20", "amd64", COMPANY)
    assert "NODE_EXTRA_CA_CERTS" in node.settings.environment
    assert len(node.layers) == len(standins.recipe("node:20", "amd64").layers) + 1
    distroless = standins.recipe(DISTROLESS, "amd64", COMPANY)
    assert "NODE_EXTRA_CA_CERTS" not in distroless.settings.environment
    assert distroless == standins.recipe(DISTROLESS, "amd64")


def test_distroless_runs_node_and_its_nonroot_variant_as_nobody_in_particular():
    plain, nonroot = (standins.recipe(DISTROLESS + tag, "amd64") for tag in ("", ":nonroot"))
    assert plain.settings.entrypoint == ("/nodejs/bin/node",)
    assert (plain.settings.user, plain.settings.folder) == ("0", "/")
    assert (nonroot.settings.user, nonroot.settings.folder) == ("65532", "/home/nonroot")
    assert [layer.key for layer in plain.layers] == [layer.key for layer in nonroot.layers]


def test_only_the_debug_variant_holds_busybox():
    plain, debug = (standins.recipe(DISTROLESS + tag, "amd64") for tag in ("", ":debug"))
    assert len(debug.layers) == len(plain.layers) + 1
    assert debug.settings.environment["PATH"].endswith(":/busybox")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("node:20", "localhost/workbook-standin/node:20"),
        ("gcr.io/a/b", "localhost/workbook-standin/gcr.io/a/b:latest"),
        ("node:20@sha256:" + "ab" * 32, "localhost/workbook-standin/node:20-abababababab"),
        ("box:5000/node", "localhost/workbook-standin/box/5000/node:latest"),
    ],
)
def test_our_names_lead_to_no_registry(name, expected):
    assert host_settings.local_name("standin", name) == expected


def test_python_is_told_of_pips_settings_and_not_of_npms():
    pip = HostSettings(b"certificates", (), tool=host_settings.PIP)
    plain, told = (standins.recipe("python:3.13", "amd64", host) for host in (COMPANY, pip))
    assert "PIP_CERT" not in plain.settings.environment
    assert told.settings.environment["PIP_CERT"] == f"/{host_settings.CA_FILE}"
    assert len(told.layers) == len(plain.layers) + 1


@pytest.mark.parametrize(
    "name", ["golang:1.23", "golang:1.24-alpine", "python:3.12", "python:3.13-alpine"]
)
def test_other_lines_of_a_language_have_no_recipe(name):
    assert standins.recipe(name, "amd64") is None


def test_debians_programs_are_called_so():
    assert standins.recipe("golang:1.24", "amd64").holds.startswith("Debian's Go 1.24")
    assert standins.recipe("python:3.13-slim", "amd64").holds.startswith("Debian's Python 3.13")
