"""Ctrl-C is held back where half of the work is worse than all, and one that has ended owns nothing."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from helpers.host import processes

PARENT = """
import subprocess, time
from helpers.host import processes
child = subprocess.Popen(["sleep", "60"], preexec_fn=processes.end_with_parent)
print(child.pid, flush=True)
time.sleep(60)
"""


def _pressed(times):
    """Press Ctrl-C inside a block; return what of the block's work was done."""
    done = []

    def work():
        with processes.undisturbed():
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return done


def test_a_ctrl_c_comes_when_the_block_has_ended_and_a_second_one_at_once():
    assert _pressed(1) == ["all of it"]
    assert _pressed(2) == []


def test_a_block_in_another_thread_is_run_as_it_is():
    done = []

    def work():
        with processes.undisturbed():
            done.append("all of it")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done


def test_a_process_that_has_ended_is_gone_before_anybody_asked_for_its_exit_code():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert processes.alive(child.pid)
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert processes.alive(child.pid) == (sys.platform != "linux")
    child.wait()
    assert not processes.alive(child.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a child that its parent died")
@pytest.mark.parametrize("ctrl_c", [signal.SIG_DFL, signal.SIG_IGN], ids=["plain", "under nohup"])
def test_a_child_ends_with_a_killed_parent(ctrl_c):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, ctrl_c),
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 5
    while processes.alive(child):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_waiting_ends_when_it_holds_and_says_so_when_it_does_not():
    asked = []
    assert processes.wait_for(lambda: len(asked) == 3 or asked.append(1), 60, every=0.001)
    assert len(asked) == 3
    assert not processes.wait_for(lambda: False, 0.01, every=0.001)
    assert processes.wait_for(lambda: True, 0)
