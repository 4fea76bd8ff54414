"""Start a Valkey for one test or benchmark: in memory, on a Unix socket in a folder of its own."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.deployments import binary
from tests.patience import PATIENCE_SECONDS, until


class PrivateValkey:
    """A server with its socket in ``folder``. It can be killed and started again; it is empty then.

    ``arguments`` are further arguments of the server, such as those that make it durable. ``under`` is a command that
    runs the server, such as valgrind.
    """

    def __init__(self, folder: Path, *arguments: str, under: Sequence[str] = ()) -> None:
        self._under = under
        self._folder = folder
        self._arguments = arguments
        self.url = f"unix://{folder / 's'}"
        self.start()

    def start(self) -> None:
        """Start the server, and return when it responds."""
        folder = self._folder
        command = [
            *self._under,
            binary(),
            "--port",
            "0",
            "--unixsocket",
            str(folder / "s"),
            "--save",
            "",
            "--dir",
            str(folder),
        ]
        self.process = subprocess.Popen([*command, *self._arguments], stdout=subprocess.DEVNULL)
        try:
            until(lambda: self.responds() or self.process.poll() is not None, "Valkey responds")
        except BaseException:
            self.kill()
            raise
        assert self.process.poll() is None, f"Valkey ended with {self.process.returncode}"

    def responds(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)


@contextmanager
def private_valkey(*arguments: str, under: Sequence[str] = ()) -> Iterator[PrivateValkey]:
    """Run a server for the time of a block, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="sf", ignore_cleanup_errors=True) as folder:
        valkey = PrivateValkey(Path(folder), *arguments, under=under)
        try:
            yield valkey
        finally:
            valkey.stop()
