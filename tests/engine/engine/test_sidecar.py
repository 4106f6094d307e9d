"""A sidecar sees what it should, has no more power than it is given, and nothing is left behind."""

import pytest

from helpers import buildx
from helpers.buildx import Request
from helpers.engine import ContainerError, container, sidecar
from helpers.engine.sidecar import PTRACE
from helpers.host.errors import WorkbookError

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]

TOOLS = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""
SERVES = '"httpd", "-f", "-p", "3000", "-h", "/www"'


def app(command=SERVES, user="0:0"):
    return f"""\
FROM scratch
COPY busybox /bin/busybox
COPY source.txt /www/healthz
COPY source.txt /www/deep/er/file
USER {user}
CMD ["/bin/busybox", {command}]
"""


@pytest.fixture
def make(context, engine, new_tag):
    def run(text):
        (context / "Dockerfile").write_text(text)
        request = Request(context / "Dockerfile", context, new_tag())
        return buildx.build(request, engine=engine).image_id

    return run


@pytest.fixture
def tools(make):
    return make(TOOLS)


def test_a_sidecar_shares_processes_and_network_and_sees_the_files(make, tools, engine, ours):
    with container.running(make(app()), engine=engine) as target:
        with sidecar.sidecar(target.container, tools, engine=engine) as side:
            assert "httpd" in side.run("ps -o args").output
            assert side.run("cat /proc/1/root/www/healthz").output == "first\n"
            assert side.run("wget -qO- localhost:3000/healthz").output == "first\n"
            assert side.run("exit 3").code == 3
        assert len(ours()) == 1
    assert not ours()


@pytest.mark.parametrize(
    ("app_user", "user", "capabilities", "sees"),
    [
        ("0:0", "0:0", (), True),
        ("65532:65532", "0:0", (), False),
        ("65532:65532", "0:0", (PTRACE,), True),
        ("65532:65532", "65532:65532", (), True),
        ("65532:65532", "65532:0", (), False),
    ],
)
def test_files_are_seen_by_the_same_user_and_group_or_with_the_one_capability(
    make, tools, engine, app_user, user, capabilities, sees
):
    with (
        container.running(make(app(user=app_user)), engine=engine) as target,
        sidecar.sidecar(
            target.container, tools, user=user, capabilities=capabilities, engine=engine
        ) as side,
    ):
        assert (side.run("cat /proc/1/root/www/healthz").code == 0) is sees


def test_a_sidecar_has_one_capability_and_the_limits_of_every_container(make, tools, engine):
    with (
        container.running(make(app()), engine=engine) as target,
        sidecar.sidecar(target.container, tools, engine=engine) as side,
    ):
        side.container.reload()
        settings = side.container.attrs["HostConfig"]
    assert [name.removeprefix("CAP_") for name in settings["CapAdd"]] == [PTRACE]
    assert settings["CapDrop"] == ["ALL"]
    assert settings["Privileged"] is False
    assert settings["Memory"] > 0
    assert settings["PidsLimit"] > 0
    assert "no-new-privileges" in settings["SecurityOpt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_sidecar_is_gone_after_an_exception_and_after_ctrl_c(make, tools, engine, error, ours):
    image = make(app())

    def work():
        with (
            container.running(image, engine=engine) as target,
            sidecar.sidecar(target.container, tools, engine=engine),
        ):
            raise error

    with pytest.raises(error):
        work()
    assert not ours()


def test_beside_a_container_that_has_stopped_no_sidecar_starts(make, tools, engine, ours):
    with sidecar.stopped(make(app('"false"')), engine=engine) as dead:
        assert not sidecar.can_join(dead, tools, engine)
        with (
            pytest.raises(ContainerError, match="did not start"),
            sidecar.sidecar(dead, tools, engine=engine),
        ):
            pass
    assert not ours()


def test_files_are_copied_out_of_a_running_and_of_a_stopped_container(make, engine):
    whole = {"/www/deep/er/file": b"first\n", "/www/healthz": b"first\n"}
    with container.running(make(app()), engine=engine) as target:
        assert sidecar.copy_out(target.container, "/www") == whole
        assert sidecar.copy_out(target.container, "/www/healthz") == {"/www/healthz": b"first\n"}
        with pytest.raises(WorkbookError, match="There is no /nowhere"):
            sidecar.copy_out(target.container, "/nowhere")
    with sidecar.stopped(make(app('"false"')), engine=engine) as dead:
        assert sidecar.exit_code(dead) == 1
        assert sidecar.copy_out(dead, "/www") == whole


def test_a_stopped_container_keeps_its_last_words(make, engine):
    with sidecar.stopped(make(app('"cat", "/not/there"')), engine=engine) as dead:
        assert "/not/there" in sidecar.last_words(dead)[-1]


def test_one_that_does_not_stop_is_given_up_in_one_sentence(make, engine, monkeypatch, ours):
    monkeypatch.setattr(sidecar, "_ENDS_IN", 1)
    with (
        pytest.raises(WorkbookError, match="still runs after 1 s"),
        sidecar.stopped(make(app()), engine=engine),
    ):
        pass
    assert not ours()


def test_a_shell_starts_where_there_is_one(make, tools, engine):
    with container.running(make(app()), engine=engine) as target:
        assert not sidecar.starts_a_shell(target.container, "sh", "bash")
        with sidecar.sidecar(target.container, tools, engine=engine) as side:
            assert sidecar.starts_a_shell(side.container, "bash", "sh")
