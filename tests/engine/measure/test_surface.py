"""The attack surface of real images: what they hold, how they fare under confinement, their health."""

import dataclasses
import json
import shutil

import pytest

from helpers import bases, claims
from helpers.claims import Verdict
from helpers.engine import ContainerError, container
from helpers.image import attack_surface, sbom
from helpers.image.npm_packages import Role
from helpers.lesson import surface as surface_lesson
from helpers.lesson import verbs
from helpers.measure import surface
from helpers.measure.surface import FREE, LOCKED, LOCKED_WITH_TMPFS

pytestmark = pytest.mark.engine
AS_ROOT = ("naive", "alpine", "distroless", "distroless_pruned")
NAMES = (*AS_ROOT, "recommended", "alpine_nonroot", "distroless_writable")
SHIPPED = {"recommended": 65532, "alpine_nonroot": 1000}


@pytest.fixture(scope="module")
def variants():
    return {name: verbs.build(name) for name in NAMES}


def found(variants, name):
    return surface_lesson.survey(variants[name])


def test_naive_holds_hundreds_of_debians_packages_and_distroless_a_handful(variants):
    naive, small = (found(variants, name).inventory for name in ("naive", "distroless"))
    assert (naive.database, naive.distribution) == ("dpkg", "debian")
    assert len(naive.packages) > 300
    assert small.database == "dpkg status.d"
    assert {"libc6", "libssl3", "base-files"} <= {package.name for package in small.packages}
    assert len(small.packages) < 20
    assert all(package.version for package in (*naive.packages, *small.packages))


def test_packages_of_alpine_are_compared_only_where_alpine_itself_is_there(variants):
    stand_in = any(base.source is bases.Source.STAND_IN for base in variants["alpine"].bases)
    inventory = found(variants, "alpine").inventory
    assert inventory.comparable is not stand_in
    assert inventory.database == ("dpkg status.d" if stand_in else "apk")


def test_only_the_articles_own_files_ship_what_only_development_needs(variants):
    development = {name: found(variants, name).count(Role.DEVELOPMENT) for name in NAMES}
    assert {name for name, number in development.items() if number} == {"naive", "distroless"}


def test_npm_stays_in_images_that_are_made_of_nodes_own_and_in_no_other(variants):
    tools = {name: found(variants, name).count(Role.TOOL) for name in NAMES}
    assert {name for name, number in tools.items() if number} == {"naive", "alpine"}


def test_a_container_lists_the_same_commands_as_the_files_do(variants):
    built = variants["alpine"]
    expected = surface_lesson.commands(built)
    script = "for d in /bin /sbin /usr/bin /usr/sbin /usr/local/bin /opt/*/bin; do for f in $d/*; do"
    script += ' test -f "$f" && test -x "$f" && echo "$f"; done; done'
    with container.running(built.image_id, engine=built.engine) as api:
        _, text = api.execute("sh", "-c", script)
    assert sorted(text.split()) == sorted(expected)


def test_setuid_files_are_those_that_find_finds_in_the_container(variants):
    built = variants["naive"]
    with container.running(built.image_id, engine=built.engine) as api:
        _, text = api.execute("find", "/", "-xdev", "-type", "f", "-perm", "/6000", "-perm", "/111")
    assert sorted(text.split()) == surface_lesson.setuid(built) != []


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_answers_on_a_read_only_root_without_capabilities(variants, name):
    writes = found(variants, name).confined.writes
    assert not writes[LOCKED].error
    assert writes[LOCKED].tmp == "EROFS"
    assert writes[LOCKED_WITH_TMPFS].tmp == "yes"


@pytest.mark.parametrize("name", AS_ROOT)
def test_the_articles_images_run_as_root_and_may_overwrite_their_own_code(variants, name):
    confined = found(variants, name).confined
    assert confined.uid == 0
    assert confined.writes[FREE].code == "yes"
    assert confined.writes[LOCKED].code == confined.writes[LOCKED].folder == "EROFS"


@pytest.mark.parametrize("name", SHIPPED)
def test_what_we_would_ship_runs_as_nobody_special_and_may_not(variants, name):
    confined = found(variants, name).confined
    assert confined.uid == SHIPPED[name]
    assert confined.writes[FREE].code == "EACCES"
    assert "/app/dist/index.js" not in surface_lesson.writable(variants[name])
    assert len(surface_lesson.writable(variants[name])) < 10


def test_a_folder_made_under_a_plain_user_is_that_users_who_may_add_files_there(variants):
    mine = found(variants, "distroless_writable").confined.writes
    assert (mine[FREE].folder, mine[LOCKED].folder) == ("yes", "EROFS")
    for name in SHIPPED:
        assert found(variants, name).confined.writes[FREE].folder == "EACCES"
        assert "/app" not in surface_lesson.writable(variants[name])


def test_asking_what_may_be_written_leaves_nothing_behind(variants):
    built = variants["recommended"]
    with container.running(built.image_id, engine=built.engine) as api:
        answer = surface._answer(api, "/nodejs/bin/node", "/app/dist/index.js")
        left = {change["Path"] for change in api.container.diff() or ()}
    assert answer["writes"] == {"code": "EACCES", "folder": "EACCES", "tmp": "yes"}
    assert not {path for path in left if path.endswith("asked")}


@pytest.mark.parametrize("name", SHIPPED)
def test_what_we_would_ship_answers_over_http(variants, name):
    assert len(verbs.try_out(variants[name]).rows) == 5


@pytest.mark.parametrize("name", SHIPPED)
def test_a_hanging_process_makes_it_unhealthy_and_going_on_healthy_again(variants, name):
    built = variants[name]
    assert surface.health_story(built.image_id, built.engine) == ("healthy", "unhealthy", "healthy")


def test_without_a_healthcheck_the_engine_does_not_notice_that_it_hangs(variants):
    built = variants["alpine"]
    assert surface.health_story(built.image_id, built.engine) == (surface.NO_CHECK,) * 3


def test_a_health_that_does_not_come_is_an_error_and_nothing_is_left(variants):
    built = variants["recommended"]
    with (
        pytest.raises(ContainerError, match="and not unhealthy after"),
        container.running(built.image_id, engine=built.engine) as api,
    ):
        surface.await_health(api, surface.UNHEALTHY, patience=0.2)
    left = built.engine.client.containers.list(all=True, filters={"id": api.container.id})
    assert left == []


@pytest.mark.parametrize("name", ["naive", "distroless", "alpine_nonroot"])
def test_a_bill_of_materials_is_valid_and_names_node_as_it_runs(variants, name):
    text = surface_lesson.write_sbom(variants[name]).read_text()
    sbom.validate(text)
    urls = {part["purl"] for part in json.loads(text)["components"]}
    assert f"pkg:generic/node@{found(variants, name).confined.node}" in urls
    assert any(url.startswith("pkg:npm/express@") for url in urls)
    assert any(url.startswith("pkg:npm/typescript@") for url in urls) == (name != "alpine_nonroot")


def test_v3_waits_for_a_scanner_and_says_that_only_the_pruned_file_keeps_the_order(
    variants, monkeypatch
):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    judged = surface_lesson.judge(
        *(variants[name] for name in (*claims.SURFACE_ORDER, claims.SURFACE_PRUNED))
    )
    assert judged.verdict is Verdict.UNTESTED
    assert surface_lesson.APP_NPM in judged.because


def test_without_a_scanner_the_table_says_that_nothing_was_measured(variants, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    fresh = dataclasses.replace(variants["naive"], image_id="sha256:not-scanned-yet")
    assert "Not measured here" in surface_lesson.scan(fresh).data


def test_taking_the_setuid_bits_away_leaves_none_and_makes_the_naive_image_larger(variants):
    text = verbs.text("naive").replace(
        "EXPOSE 3000", "RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +\nEXPOSE 3000"
    )
    verbs.app().write("dockerfiles/no_setuid.Dockerfile", text)
    built = verbs.build("dockerfiles/no_setuid.Dockerfile")
    try:
        assert attack_surface.setuid(built.image.files) == []
        assert built.uncompressed_bytes > variants["naive"].uncompressed_bytes
    finally:
        built.engine.client.images.remove(built.tag, force=True)
