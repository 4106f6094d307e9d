"""Containers run on this machine only, within limits, and are gone afterwards, whatever happens."""

import time

import pytest

from helpers import buildx
from helpers.buildx import Request
from helpers.engine import ContainerError, container

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]

SERVES = """\
FROM scratch
COPY busybox /bin/busybox
COPY source.txt /www/healthz
EXPOSE 3000
CMD ["/bin/busybox", "httpd", "-f", "-p", "3000", "-h", "/www"]
"""


@pytest.fixture
def image(context, engine, tag):
    (context / "Dockerfile").write_text(SERVES)
    return buildx.build(Request(context / "Dockerfile", context, tag), engine=engine).image_id


def test_it_answers_on_the_loopback_address_only_at_a_port_of_the_systems_choice(image, engine, ours):
    with container.running(image, engine=engine) as api:
        assert api.request("GET", "/healthz").status == 200
        assert api.ready_seconds < 30
        api.container.reload()
        published = api.container.ports["3000/tcp"]
    assert [entry["HostIp"] for entry in published] == ["127.0.0.1"]
    assert int(published[0]["HostPort"]) > 1023
    assert not ours()


def test_it_has_limits_no_capabilities_and_no_new_privileges(image, engine):
    with container.running(image, engine=engine) as api:
        settings = api.container.attrs["HostConfig"]
    assert settings["Memory"] > 0
    assert settings["PidsLimit"] > 0
    assert settings["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in settings["SecurityOpt"]
    assert settings["Privileged"] is False


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_it_is_gone_after_an_exception_and_after_ctrl_c(image, engine, error, ours):
    def work():
        with container.running(image, engine=engine):
            raise error

    with pytest.raises(error):
        work()
    assert not ours()


def test_a_container_that_stops_at_once_says_its_last_words(context, engine, tag, ours):
    (context / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nCMD ["/bin/busybox", "cat", "/nothing-there"]\n'
    )
    built = buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)
    with (
        pytest.raises(ContainerError, match=r"stopped at once.*nothing-there"),
        container.running(built.image_id, engine=engine),
    ):
        pass
    assert not ours()


def test_a_silent_container_is_given_up_in_time(image, engine, ours):
    begun = time.monotonic()
    with (
        pytest.raises(ContainerError, match="no answer"),
        container.running(image, engine=engine, ready="/not-there", patience=1.0),
    ):
        pass
    assert time.monotonic() - begun < 10
    assert not ours()


def test_an_unknown_image_is_one_sentence(engine):
    with (
        pytest.raises(ContainerError, match="There is no image"),
        container.running("workbook-test:nowhere", engine=engine),
    ):
        pass


def test_one_that_ends_gives_its_exit_code_and_what_it_printed_on_both_streams(image, engine, ours):
    script = "echo told; echo wrong >&2; exit 3"
    done = container.finished(image, "/bin/busybox", "sh", "-c", script, engine=engine)
    assert done.exit_code == 3
    assert sorted(done.output.split()) == ["told", "wrong"]
    assert not ours()


def test_without_a_command_it_runs_the_image_s_own(context, engine, tag):
    (context / "Dockerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nCMD ["/bin/busybox", "echo", "own"]\n'
    )
    built = buildx.build(Request(context / "Dockerfile", context, tag), engine=engine)
    assert container.finished(built.image_id, engine=engine).output == "own\n"


def test_one_that_does_not_end_is_given_up_and_taken_away(image, engine, ours):
    begun = time.monotonic()
    with pytest.raises(ContainerError, match="had not ended"):
        container.finished(image, patience=1.0, engine=engine)
    assert time.monotonic() - begun < 20
    assert not ours()


def test_one_whose_program_is_not_there_is_one_sentence(image, engine, ours):
    with pytest.raises(ContainerError, match="did not start"):
        container.finished(image, "/not/there", engine=engine)
    assert not ours()
