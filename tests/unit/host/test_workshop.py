"""Commands, locks and scratch folders that end with whoever wanted them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.host.workshop import Workshop, WorkshopError


def test_a_command_gives_what_it_prints(tmp_path):
    assert Workshop(tmp_path).run(["echo", "hello"]) == "hello\n"


def test_a_command_that_fails_says_why(tmp_path):
    with pytest.raises(WorkshopError, match=r"`sh -c .* failed: E: the reason$"):
        Workshop(tmp_path).run(["sh", "-c", "echo E: the reason >&2; echo later >&2; exit 3"])


def test_a_command_is_stopped_when_it_takes_too_long(tmp_path):
    with pytest.raises(WorkshopError, match="after 0 seconds"):
        Workshop(tmp_path).run(["sleep", "60"], seconds=0.1)


def test_closing_ends_commands_with_their_children(tmp_path):
    workshop = Workshop(tmp_path)
    program = f"sleep 60 & echo $! > {tmp_path}/child; wait"
    with ThreadPoolExecutor() as pool:
        running = pool.submit(workshop.run, ["sh", "-c", program])
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
            time.sleep(0.01)
        workshop.close()
        with pytest.raises(WorkshopError, match="stopped"):
            running.result(5)
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not _runs(child):
            return
        time.sleep(0.02)
    raise AssertionError("the child still runs")


def _runs(process):
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    ).stdout
    return bool(state.strip()) and not state.startswith("Z")


def test_a_lock_is_held_by_one_thread_at_a_time(tmp_path):
    workshop, inside, most = Workshop(tmp_path), [], []

    def work(number):
        with workshop.lock("a/b"):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.01)
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert most == [1, 1, 1, 1]


def test_a_lock_is_held_against_other_processes(tmp_path):
    program = (
        "import sys; from pathlib import Path; from helpers.host.workshop import Workshop\n"
        "with Workshop(Path(sys.argv[1])).lock('x'): print('mine')"
    )
    workshop = Workshop(tmp_path)
    with workshop.lock("x"):
        other = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.5)
    assert other.communicate(timeout=10)[0] == "mine\n"


def test_waiting_for_a_lock_is_given_up_when_the_workshop_closes(tmp_path):
    holder, waiter = Workshop(tmp_path), Workshop(tmp_path)
    threading.Timer(0.1, waiter.close).start()
    with holder.lock("x"), pytest.raises(WorkshopError), waiter.lock("x"):
        pass


def test_what_a_dead_process_left_is_swept_and_what_a_live_one_uses_stays(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    dead, live = (tmp_path / "scratch" / f"{pid}-x" for pid in (gone.pid, os.getpid()))
    dead.mkdir(parents=True)
    live.mkdir()
    with Workshop(tmp_path).scratch() as folder:
        assert folder.is_dir()
        assert not dead.exists()
        assert live.exists()
    assert not folder.exists()
