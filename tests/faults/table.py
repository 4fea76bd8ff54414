"""The faults: one row for each, with the services that it attacks and what it does to them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic

import psutil

from tests.deployments import has_whole_log, until
from tests.faults import rigs, shim
from tests.faults.rigs import Directory, OnServer, Proxied, Replicated, Rig, Shimmed
from tests.serving.conftest import is_running

#: Settings of the server on which acknowledgements depend: name, a value that breaks the promise, one that keeps it.
PROMISES = (
    ("appendfsync", "everysec", "always"),
    ("appendonly", "no", "yes"),
    ("maxmemory-policy", "allkeys-lru", "noeviction"),
)
#: Until a promotion.
_FAIL_OVER_SECONDS = 60.0
#: For which a process is stopped: longer than a lease, shorter than a client's patience.
_STOP_SECONDS = (0.5, 2.5)


def _nothing_missing() -> str:
    return ""


@dataclass(frozen=True)
class Row(Generic[Rig]):
    """One fault. ``inject`` causes it and, where it does not end by itself, ends it."""

    name: str
    open_rig: Callable[[], AbstractContextManager[Rig]]
    inject: Callable[[Rig, random.Random], None]
    #: In the short form.
    times: int = 3
    #: How often it is injected in the long form, in relation to the other rows.
    weight: int = 2
    #: Whether it kills at least one process with signal 9.
    is_kill: bool = False
    #: Return why this machine cannot do it; empty if it can.
    missing: Callable[[], str] = _nothing_missing


# -- kill -9 and SIGSTOP on a data directory -------------------------------------------------------------------------
def _kill_worker(rig: Directory, rng: random.Random) -> None:
    _signal(rig.worker(rng), signal.SIGKILL)


def _kill_valkey(rig: Directory, rng: random.Random) -> None:
    rig.kill_valkey()


def _kill_supervisor(rig: Directory, rng: random.Random) -> None:
    rig.replace(rng.randrange(len(rig.services)))


def _kill_keeper(rig: Directory, rng: random.Random) -> None:
    """Kill the watchdog of Valkey, and half of the time Valkey right after it."""
    rig.kill_keepers()
    if rng.random() < 0.5:
        rig.kill_valkey()


def _kill_all(rig: Directory, rng: random.Random) -> None:
    rig.kill_all()


def _stop_worker(rig: Directory, rng: random.Random) -> None:
    _stop(rig.worker(rng), rng)


def _stop_valkey(rig: Directory, rng: random.Random) -> None:
    _stop(psutil.Process(rig.valkey()), rng)


def _stop_supervisor(rig: Directory, rng: random.Random) -> None:
    """Stop a main process, and kill Valkey meanwhile: it comes back late, or by the other service."""
    process = psutil.Process(rng.choice(rig.services).process.pid)
    with _stopped(process):
        rig.kill_valkey()
        time.sleep(rng.uniform(*_STOP_SECONDS))


# -- The disk --------------------------------------------------------------------------------------------------------
def _cut_power(rig: Shimmed, rng: random.Random) -> None:
    """All processes end, and what was not synchronised is gone, or a part of it."""
    _forget_unsynchronised(rig, rng)
    rig.kill_all()


def _cut_power_of_store(rig: Shimmed, rng: random.Random) -> None:
    _forget_unsynchronised(rig, rng)
    rig.kill_valkey()


def _forget_unsynchronised(rig: Shimmed, rng: random.Random) -> None:
    """Return when the shim holds back the writes of the Valkey that runs now."""
    rig.shim.hold_back(torn=rng.random() < 0.5)
    before = rig.shim.held()
    until(lambda: rig.shim.held() > before, "a write that is held back")


def _fail_writes(rig: Shimmed, rng: random.Random) -> None:
    _fail(rig, "write", "EIO")


def _fail_syncs(rig: Shimmed, rng: random.Random) -> None:
    _fail(rig, "sync", "EIO")


def _no_space(rig: Shimmed, rng: random.Random) -> None:
    _fail(rig, "write", "ENOSPC")


def _fail(rig: Shimmed, call: shim.Call, error: str) -> None:
    """Let the disk fail until Valkey gave up."""
    valkey = rig.valkey()
    with rig.shim.failing(call, error):
        until(lambda: not is_running(valkey), "Valkey ends")


def _fill_disk(rig: Directory, rng: random.Random) -> None:
    """Fill the disk until Valkey gave up, and again what its end or the reserve has freed."""
    filler, valkey = rig.data.parent / "filler", rig.valkey()
    with filler.open("wb", buffering=0) as stream:
        _write_until_full(stream.fileno())
        until(lambda: not is_running(valkey), "Valkey ends")
        time.sleep(rng.uniform(0, 1))
        _write_until_full(stream.fileno())
        time.sleep(rng.uniform(0, 1))
    filler.unlink()


def _write_until_full(file: int) -> None:
    for size in (1 << 20, 1 << 12, 1):
        try:
            while os.write(file, bytes(size)):
                pass
        except OSError:
            continue


# -- The settings and the memory of a server -------------------------------------------------------------------------
def _use_up_memory(rig: OnServer, rng: random.Random) -> None:
    """The limit of the server is less than it uses, for a while."""
    rig.server.command("CONFIG", "SET", "maxmemory", 1)
    time.sleep(rng.uniform(0.5, 1.5))
    rig.server.command("CONFIG", "SET", "maxmemory", 0)


def _change_settings(rig: OnServer, rng: random.Random) -> None:
    """A setting breaks the promise for a while. Everything is on disk again before anything else happens."""
    setting, broken, kept = rng.choice(PROMISES)
    rig.server.command("CONFIG", "SET", setting, broken)
    time.sleep(rng.uniform(0.5, 3))
    rig.server.command("CONFIG", "SET", setting, kept)
    until(lambda: has_whole_log(rig.server), "the log is written again")


def kill_server(rig: OnServer, rng: random.Random) -> None:
    rig.server.kill()
    rig.server.start()


# -- The network -----------------------------------------------------------------------------------------------------
def _cut_connections(rig: Proxied, rng: random.Random) -> None:
    for _ in range(10):
        rig.proxy.cut()
        time.sleep(rng.uniform(0, 0.05))


def _lose_replies(rig: Proxied, rng: random.Random) -> None:
    with rig.proxy.without_replies():
        time.sleep(rng.uniform(0.1, 0.5))


def _delay(rig: Proxied, rng: random.Random) -> None:
    with rig.proxy.slow(rng.uniform(0.02, 0.2)):
        time.sleep(rng.uniform(1, 2))
        rig.proxy.cut()


def _hold(rig: Proxied, rng: random.Random) -> None:
    """Longer than the time-out of a command: what was sent before may be executed after it."""
    with rig.proxy.held():
        time.sleep(rng.uniform(5.5, 7))


# -- Fail-over -------------------------------------------------------------------------------------------------------
def _kill_primary(rig: Replicated, rng: random.Random) -> None:
    primary = rng.choice(rig.primaries())
    primary.kill()
    until(lambda: rig.is_led_by_others(primary), "a promotion", _FAIL_OVER_SECONDS)
    rig.bring_back(primary)
    rig.await_replicas()


def _hang_primary(rig: Replicated, rng: random.Random) -> None:
    """It continues after another server was promoted, and still believes that it is the primary."""
    primary = rng.choice(rig.primaries())
    primary.hold()
    try:
        until(lambda: rig.is_led_by_others(primary), "a promotion", _FAIL_OVER_SECONDS)
    finally:
        primary.go_on()
    rig.await_replicas()


@contextmanager
def _stopped(process: psutil.Process) -> Iterator[None]:
    _signal(process, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(process, signal.SIGCONT)


def _stop(process: psutil.Process, rng: random.Random) -> None:
    with _stopped(process):
        time.sleep(rng.uniform(*_STOP_SECONDS))


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _no_mount() -> str:
    """Return why no file system can be mounted here; empty if one can."""
    with tempfile.TemporaryDirectory() as place:
        try:
            subprocess.run([*rigs.MOUNT, "size=4k", "tmpfs", place], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return "no file system can be mounted (mount -t tmpfs needs root)"
        subprocess.run(["umount", place], check=True)
    return ""


ROWS: tuple[Row[Any], ...] = (
    Row("kill a worker", rigs.directory, _kill_worker, 5, 24, is_kill=True),
    Row("kill Valkey", rigs.directory, _kill_valkey, 3, 20, is_kill=True),
    Row("kill a supervisor", rigs.directory, _kill_supervisor, 3, 10, is_kill=True),
    Row("kill the keeper, with Valkey", rigs.directory, _kill_keeper, 3, 14, is_kill=True),
    Row("kill all processes", rigs.directory, _kill_all, 3, 8, is_kill=True),
    Row("stop a worker", rigs.directory, _stop_worker),
    Row("stop Valkey", rigs.directory, _stop_valkey),
    Row("stop a supervisor, kill Valkey", rigs.directory, _stop_supervisor, 2, 3, is_kill=True),
    Row("power cut", rigs.shimmed, _cut_power, 3, 6, is_kill=True, missing=shim.missing),
    Row("power cut of the store", rigs.shimmed, _cut_power_of_store, 3, 10, is_kill=True, missing=shim.missing),
    Row("EIO at write", rigs.shimmed, _fail_writes, 2, missing=shim.missing),
    Row("EIO at fsync", rigs.shimmed, _fail_syncs, 2, missing=shim.missing),
    Row("ENOSPC at write", rigs.shimmed, _no_space, 2, missing=shim.missing),
    Row("disk full", rigs.small_disk, _fill_disk, 2, missing=_no_mount),
    Row("maxmemory reached", rigs.on_server, _use_up_memory),
    Row("CONFIG SET at run time", rigs.on_server, _change_settings),
    Row("kill the server", rigs.on_server, kill_server, 3, 5, is_kill=True),
    Row("cut connections to the store", rigs.proxied, _cut_connections),
    Row("lose replies of the store", rigs.proxied, _lose_replies),
    Row("delay the store", rigs.proxied, _delay, 2),
    Row("hold connections to the store", rigs.proxied, _hold, 1),
    Row("kill the primary under Sentinel", rigs.sentinels, _kill_primary, 1, 1, is_kill=True),
    Row("hang the primary under Sentinel", rigs.sentinels, _hang_primary, 1, 1),
    Row("kill a primary of the cluster", rigs.clustered, _kill_primary, 1, 1, is_kill=True),
)
