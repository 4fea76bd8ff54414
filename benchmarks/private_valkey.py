"""A Valkey in memory for the time of a block."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from types import TracebackType

import redis


class PrivateValkey:
    """``with PrivateValkey(folder, binary) as url``: a server on a Unix socket in that folder."""

    def __init__(self, folder: Path, binary: str | Path) -> None:
        self._folder = folder
        self._binary = str(binary)
        self._process: subprocess.Popen[bytes] | None = None

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
