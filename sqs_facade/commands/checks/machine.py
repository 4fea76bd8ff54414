"""Checks of the machine or container, and of what is installed. The facts are those of the machine of the command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqs_facade.commands.checks.findings import Finding, Topic

TOPIC = Topic("The machine")


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """Facts of the machine. None where the system does not tell."""

    #: vm.overcommit_memory: 0, 1 or 2.
    overcommit: int | None = None
    #: The word in brackets of transparent_hugepage/enabled.
    huge_pages: str | None = None
    somaxconn: int | None = None
    #: The hard limit of open files of a process.
    open_files: int | None = None
    cpus: float | None = None
    memory_bytes: int | None = None
    available_bytes: int | None = None
    swap_used_bytes: int | None = None
    #: The limits of the container; None without one.
    container_memory_bytes: int | None = None
    #: Whether the kernel knows that its clock is synchronized.
    is_synchronized: bool | None = None
    #: How far the clock jumped while the command ran.
    jump_seconds: float = 0.0
    #: Version of each library; None if it is not installed.
    libraries: Mapping[str, str | None] = field(default_factory=dict)
    python: tuple[int, int] = (3, 11)
    is_windows: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings ask of the machine."""

    workers: int = 1
    max_connections: int = 50_000
    #: The memory limit of the embedded Valkey; 0 is none. None with a server of one's own.
    store_memory_bytes: int | None = None
    #: A file is written for each message: a server of one's own may be elsewhere.
    has_local_store: bool = True


_OVERCOMMIT = TOPIC.rule(
    "machine-overcommit", "warning", means="vm.overcommit_memory is not 1, and Valkey runs here",
    why="the fork for a rewrite of the append-only file can fail although there is memory",
    remedy="sysctl -w vm.overcommit_memory=1 (and in /etc/sysctl.d)",
)  # fmt: skip
_HUGE_PAGES = TOPIC.rule(
    "machine-huge-pages", "warning", means="transparent huge pages are always used, and Valkey runs here",
    why="after a fork each write copies 2 MiB: latency and memory grow",
    remedy="echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
)  # fmt: skip
_SOMAXCONN = TOPIC.rule(
    "machine-somaxconn", "warning", means="net.core.somaxconn is below 1024",
    why="clients that connect at the same time are refused",
    remedy="sysctl -w net.core.somaxconn=4096",
)  # fmt: skip
_OPEN_FILES = TOPIC.rule(
    "machine-open-files", "warning", means="the hard limit of open files is below max_connections",
    why="a worker accepts fewer connections than the setting says",
    remedy="ulimit -n {wanted} (systemd: LimitNOFILE={wanted}), or lower max_connections",
)  # fmt: skip
_WORKERS = TOPIC.rule(
    "machine-workers", "warning", means="there are more workers than CPUs",
    why="workers take turns, so latency grows and nothing gets faster",
    remedy="set workers to {workers}: one CPU is for Valkey",
)  # fmt: skip
_IDLE_CPUS = TOPIC.rule(
    "machine-idle-cpus", "note", means="one worker runs on four CPUs or more",
    why="a worker uses one CPU",
    remedy="set workers to {workers} if one worker is busy",
)  # fmt: skip
_MEMORY = TOPIC.rule(
    "machine-memory-limit", "error", means="store_memory is more than the memory of the machine or container",
    why="the system kills Valkey, or a worker, before the limit is reached",
    remedy="set store_memory to 60%",
)  # fmt: skip
_MEMORY_TIGHT = TOPIC.rule(
    "machine-memory-tight", "warning", means="store_memory is above 75 % of the machine or container, or no limit",
    why="a rewrite of the append-only file and the workers need memory too",
    remedy="set store_memory to 60%",
)  # fmt: skip
_LOW_MEMORY = TOPIC.rule(
    "machine-low-memory", "warning", means="less than 10 % of the memory is available",
    why="the system may kill Valkey or a worker",
    remedy="stop other programs, or add memory",
)  # fmt: skip
_SWAP = TOPIC.rule(
    "machine-swap", "warning", means="over 64 MiB are swapped out",
    why="a request that needs a swapped page waits for the disk",
    remedy="swapoff -a, or sysctl -w vm.swappiness=1",
)  # fmt: skip
_CLOCK = TOPIC.rule(
    "machine-clock-unsynchronized", "warning", means="the kernel says that its clock is not synchronized",
    why="signatures are refused from 15 minutes on, and moves between servers wait from 3 s on",
    remedy="timedatectl set-ntp true, or start chronyd",
)  # fmt: skip
_JUMP = TOPIC.rule(
    "machine-clock-jumped", "error", means="the clock jumped by over 0.1 s while the command ran",
    why="delays, timeouts and retention follow the clock",
    remedy="let the clock be slewed, not stepped: chronyd with makestep 1 3",
)  # fmt: skip
_LIBRARY = TOPIC.rule(
    "machine-library-missing", "error", means="a library of the service is not installed",
    why="the service does not start, or falls back to slower code",
    remedy="pip install --force-reinstall sqs-facade",
)  # fmt: skip
_REDIS_PY = TOPIC.rule(
    "machine-redis-py", "error", means="redis-py is older than 6 or newer than 8",
    why="the service is tested with 6 to 8",
    remedy="pip install 'redis>=6,<9'",
)  # fmt: skip
_PYTHON = TOPIC.rule(
    "machine-python", "error", means="Python is older than 3.11",
    why="the service needs 3.11",
    remedy="install Python 3.11 or newer",
)  # fmt: skip
_SWAPPED_BYTES = 64 << 20


def check(facts: MachineFacts, wanted: Wanted) -> Iterator[Finding]:
    """Return what is wrong with the machine for a service that wants this."""
    if wanted.has_local_store:
        if facts.overcommit is not None and facts.overcommit != 1:
            yield _OVERCOMMIT.found(f"vm.overcommit_memory is {facts.overcommit}")
        if facts.huge_pages == "always":
            yield _HUGE_PAGES.found("transparent huge pages are set to always")
    if facts.somaxconn is not None and facts.somaxconn < 1024:
        yield _SOMAXCONN.found(f"net.core.somaxconn is {facts.somaxconn}")
    if facts.open_files is not None and facts.open_files < wanted.max_connections + 300:
        yield _OPEN_FILES.found(
            f"a process may open {facts.open_files} files, and max_connections is {wanted.max_connections}",
            wanted=wanted.max_connections + 300,
        )
    yield from check_capacity(facts, wanted)
    if facts.is_synchronized is False:
        yield _CLOCK.found("the clock of this machine is not synchronized")
    if abs(facts.jump_seconds) > 0.1:
        yield _JUMP.found(f"the clock jumped by {facts.jump_seconds:+.2f} s")
    yield from _installed(facts)


def check_capacity(facts: MachineFacts, wanted: Wanted) -> Iterator[Finding]:
    """Return what the settings ask of the machine and it does not have."""
    if facts.cpus is not None:
        if wanted.workers > facts.cpus:
            yield _WORKERS.found(
                f"{wanted.workers} workers share {facts.cpus:g} CPUs", workers=max(1, int(facts.cpus) - 1)
            )
        elif facts.cpus >= 4 and wanted.workers == 1:
            yield _IDLE_CPUS.found(f"one worker runs on {facts.cpus:g} CPUs", workers=int(facts.cpus) - 1)
    whole = min(filter(None, (facts.memory_bytes, facts.container_memory_bytes)), default=None)
    limit = wanted.store_memory_bytes
    if limit is not None and whole is not None:
        if limit > whole:
            yield _MEMORY.found(f"store_memory is {limit} bytes, and there are {whole}")
        elif limit == 0 or limit > whole * 0.75:
            yield _MEMORY_TIGHT.found(f"store_memory is {limit or 'without a limit'}, and there are {whole} bytes")
    if facts.available_bytes is not None and facts.memory_bytes and facts.available_bytes < facts.memory_bytes // 10:
        yield _LOW_MEMORY.found(f"{facts.available_bytes} of {facts.memory_bytes} bytes are available")
    if (facts.swap_used_bytes or 0) > _SWAPPED_BYTES:
        yield _SWAP.found(f"{facts.swap_used_bytes} bytes are swapped out")


def _installed(facts: MachineFacts) -> Iterator[Finding]:
    if facts.python < (3, 11):
        yield _PYTHON.found("Python is {}.{}".format(*facts.python))
    for name, version in facts.libraries.items():
        if version is None and not (facts.is_windows and name == "uvloop"):
            yield _LIBRARY.found(f"{name} is not installed", where=name)
    redis = facts.libraries.get("redis")
    major = (redis or "").partition(".")[0]
    if redis and major.isdigit() and not 6 <= int(major) <= 8:
        yield _REDIS_PY.found(f"redis-py is {redis}")
