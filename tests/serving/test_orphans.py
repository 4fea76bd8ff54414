"""No Valkey outlives its services, at whichever moment they were killed, and no other process is signalled."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

import psutil
import pytest

from tests.patience import PATIENCE_SECONDS, until
from tests.serving.conftest import is_running, valkey_pid
from zaqar_core.embedded import attach, watchdog

pytestmark = pytest.mark.slow

#: Attaches to a data directory and is killed just before a step of the start.
_KILLED = """
import os, signal, sys
from pathlib import Path
from zaqar_core.embedded import attachment, folder

def killed(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)

owner, name = sys.argv[2].rsplit(".", 1)
setattr(attachment.Embedded if owner == "Embedded" else attachment, name, killed)
attachment.attach(Path(sys.argv[1]), durability="fsync", ephemeral=False)
"""
STEPS = ["attachment.write_info", "Embedded._start_watchdog", "attachment.release_child", "Embedded._await_answer"]


def _attach_and_be_killed(data: Path, step: str) -> None:
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", _KILLED, data, step],
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL


def _is_free(data: Path) -> bool:
    """Whether no Valkey holds the data directory."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _processes_of(data: Path) -> list[psutil.Process]:
    """Return the processes that use the data directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(data) in process.cmdline() and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("step", STEPS)
def test_a_service_killed_while_it_starts_valkey_leaves_no_process(data: Path, step: str) -> None:
    _attach_and_be_killed(data, step)
    until(lambda: _is_free(data) and not _processes_of(data), "nothing holds the data directory")


@pytest.mark.parametrize("step", STEPS)
def test_the_next_service_starts_at_once_after_one_killed_while_starting(data: Path, step: str) -> None:
    _attach_and_be_killed(data, step)
    embedded = attach(data, durability="fsync", ephemeral=False)
    assert is_running(valkey_pid(data))
    embedded.release()
    assert _is_free(data)


def _watchdogs(data: Path) -> list[psutil.Process]:
    found = []
    for one in _processes_of(data):
        with contextlib.suppress(psutil.NoSuchProcess):
            if watchdog.__file__ in one.cmdline():
                found.append(one)
    return found


def test_a_start_waits_for_a_lock_without_information(data: Path) -> None:
    """The shell of a killed starter may hold the lock for a moment before anything names it."""
    data.mkdir()
    descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as pool:
        attaching = pool.submit(attach, data, durability="fsync", ephemeral=False)
        with pytest.raises(FutureTimeout):
            attaching.result(timeout=0.3)
        os.close(descriptor)
        attaching.result(timeout=PATIENCE_SECONDS).release()


def test_a_watchdog_that_was_killed_is_replaced(data: Path) -> None:
    embedded = attach(data, durability="fsync", ephemeral=False)
    embedded.supervise()
    [first] = _watchdogs(data)
    first.kill()
    until(lambda: any(one.pid != first.pid for one in _watchdogs(data)), "another watchdog")
    embedded.release()


def test_attaching_to_a_valkey_without_a_watchdog_starts_one(data: Path) -> None:
    embedded = attach(data, durability="fsync", ephemeral=False)
    for one in _watchdogs(data):
        one.kill()
    until(lambda: not _watchdogs(data), "no watchdog")
    second = attach(data, durability="fsync", ephemeral=False)
    until(lambda: len(_watchdogs(data)) == 1, "a watchdog")
    second.release()
    embedded.release()


#: Attaches to a data directory and keeps Valkey running.
_USER = """
import sys, threading
from pathlib import Path
from zaqar_core.embedded import attach

attach(Path(sys.argv[1]), durability="fsync", ephemeral=False).supervise()
print("attached", flush=True)
threading.Event().wait()
"""


@pytest.fixture
def users(data: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start processes that use the data directory; those that still run at the end are killed."""
    root = Path(__file__).resolve().parents[2]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        user = subprocess.Popen(
            [sys.executable, "-c", _USER, data], env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.PIPE
        )
        started.append(user)
        assert user.stdout is not None
        assert user.stdout.readline() == b"attached\n"
        return user

    yield start
    for user in started:
        with user:  # closes its output
            user.kill()


def test_no_valkey_is_left_if_its_user_is_killed_with_the_children_it_had_before_a_restart(
    data: Path, users: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """As a script kills a service: first it lists the children, among them Valkey and the watchdog."""
    user = users()
    children = psutil.Process(user.pid).children(recursive=True)
    before = valkey_pid(data)
    assert watchdog.signal_valkey(data, signal.SIGKILL)
    until(lambda: valkey_pid(data) != before and is_running(valkey_pid(data)), "another Valkey")
    until(lambda: not _is_free(data) and psutil.Process(valkey_pid(data)).name() != "sh", "it is no shell any more")
    for one in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    user.kill()
    user.wait()
    until(lambda: _is_free(data) and not _processes_of(data), "nothing holds the data directory")


def test_a_user_that_did_not_start_valkey_has_a_watchdog_too(
    data: Path, users: Callable[[], subprocess.Popen[bytes]]
) -> None:
    first, second = users(), users()
    for one in psutil.Process(first.pid).children():
        if one.pid != valkey_pid(data):
            one.kill()
    first.kill()
    first.wait()
    second.kill()
    second.wait()
    until(lambda: _is_free(data) and not _processes_of(data), "nothing holds the data directory")


def test_users_that_come_and_go_leave_no_watchdog_behind(
    data: Path, users: Callable[[], subprocess.Popen[bytes]]
) -> None:
    users()
    for _ in range(2):
        attach(data, durability="fsync", ephemeral=False).release()
    killed = [users() for _ in range(3)]
    for one in killed:
        one.kill()
        one.wait()
    # One of a killed user stays if it was the first to get the lock: then that of the living user is its successor.
    until(lambda: 1 <= len(_watchdogs(data)) <= 2, "the watchdogs of the other killed users have ended")
    assert is_running(valkey_pid(data))


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any data directory."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("identity", [{}, {"started": "of another process"}], ids=["none", "another's"])
def test_a_process_that_got_the_process_id_of_a_former_valkey_is_not_signalled(
    data: Path, bystander: subprocess.Popen[bytes], identity: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child of that Valkey may still hold the lock."""
    data.mkdir()
    information = {"pid": bystander.pid, "socket": str(data / "s"), "schema": 1, "durability": "fsync", **identity}
    (data / "info.json").write_text(json.dumps(information))
    monkeypatch.setattr(watchdog, "_PATIENCE_SECONDS", 0.1)
    with (data / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        watchdog.stop(data, remove=False)
    assert bystander.poll() is None


@pytest.mark.parametrize("has_descriptors", [True, False], ids=["process descriptors", "process ids"])
def test_a_valkey_that_hangs_is_killed(data: Path, has_descriptors: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_descriptors:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.setattr(watchdog, "_PATIENCE_SECONDS", 0.1)
    embedded = attach(data, durability="fsync", ephemeral=False)
    valkey = psutil.Process(valkey_pid(data))
    valkey.suspend()
    embedded.release()
    assert not valkey.is_running() or valkey.status() == psutil.STATUS_ZOMBIE
    assert _is_free(data)


@pytest.mark.parametrize("system", ["linux", "other"])
def test_a_process_is_identified_by_its_start_time(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By /proc, or where there is none by ps."""
    if system == "other":
        monkeypatch.setattr(watchdog, "_PROCESSES", Path("/nowhere"))
    mine = watchdog.started(os.getpid())
    assert mine
    assert watchdog.started(os.getpid()) == mine
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert watchdog.started(ended.pid) == ""
