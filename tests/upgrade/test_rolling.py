"""Services of an earlier release and of this one serve one store at the same time, as during an upgrade one by one.

``<version>/code.tar.xz`` is the code of a release, with the libraries of this one's environment.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Service
from tests.faults import rules
from tests.faults.workload import attack
from tests.patience import PATIENCE_SECONDS, until
from tests.private_valkey import private_valkey
from tests.upgrade.writing import ACCOUNT, sqs_client, write, zaqar_call

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RELEASES = sorted(HERE.glob("*/code.tar.xz"))
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
KEY = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

Start = Callable[..., contextlib.AbstractContextManager[Service]]


@pytest.fixture(scope="module", params=RELEASES, ids=lambda path: path.parent.name)
def earlier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages of an earlier release."""
    folder = tmp_path_factory.mktemp("release")
    with tarfile.open(request.param) as archive:
        archive.extractall(folder, filter="data")
    return folder


@contextlib.contextmanager
def serving(code: Path, folder: Path, redis_url: str, *flags: str) -> Iterator[Service]:
    """A service with the code of a release."""
    ready = folder / f"ready-{len(list(folder.glob('ready-*')))}"
    program = [sys.executable, "-P", str(code / "sqs_facade" / "__main__.py"), "serve"]
    environment = {**os.environ, "SQS_FACADE_TEST_HOOKS": "true", "SQS_FACADE_ENCRYPTION_KEYS": KEY}
    process = subprocess.Popen(
        [*program, "--port", "0", "--ready-file", str(ready), "--redis", redis_url, "--durability", "fsync", *flags],
        stdout=subprocess.DEVNULL,
        cwd=folder,
        env=environment,
    )
    try:
        until(lambda: ready.exists() or process.poll() is not None, "the service is ready")
        assert process.poll() is None
        yield Service(ready.read_text().strip(), process)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def test_the_kept_code_is_that_of_an_earlier_release(earlier: Path, tmp_path: Path) -> None:
    """Otherwise the tests below would compare this release with itself."""
    command = [sys.executable, "-P", str(earlier / "sqs_facade" / "__main__.py"), "settings"]
    environment = {**os.environ, "SQS_FACADE_MAX_BYTES_PER_ACCOUNT": "1"}
    refused = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert refused.returncode == 2
    assert "SQS_FACADE_MAX_BYTES_PER_ACCOUNT" in refused.stderr


def test_an_upgrade_under_load_and_its_reversal_lose_nothing(earlier: Path, tmp_path: Path) -> None:
    with private_valkey(*DURABLE) as valkey, contextlib.ExitStack() as stack:
        running: list[tuple[Service, contextlib.ExitStack]] = []

        def start(code: Path) -> None:
            one = stack.enter_context(contextlib.ExitStack())
            running.append((one.enter_context(serving(code, tmp_path, valkey.url)), one))

        def replace(code: Path) -> None:
            start(code)
            _, oldest = running.pop(0)
            oldest.close()

        for _ in range(2):
            start(earlier)
        steps = [lambda code=code: replace(code) for code in (ROOT, ROOT, earlier, ROOT)]
        history = attack(lambda: [service.url for service, _ in running], steps, seed="upgrade")
    assert not rules.summary(history)
    assert history.deliveries


@pytest.mark.parametrize("writer_is_new", [True, False], ids=["this release", "the earlier release"])
def test_both_releases_show_what_one_of_them_has_written(earlier: Path, tmp_path: Path, writer_is_new: bool) -> None:
    first, second = (ROOT, earlier) if writer_is_new else (earlier, ROOT)
    with (
        private_valkey(*DURABLE) as valkey,
        serving(first, tmp_path, valkey.url) as writer,
        serving(second, tmp_path, valkey.url) as reader,
    ):
        written = write(writer.url)
        assert _shown(reader.url) == _shown(writer.url)
        sqs = sqs_client(reader.url)
        for message in written["standard"]["in_flight"]:
            sqs.delete_message(QueueUrl=f"{reader.url}/{ACCOUNT}/standard", ReceiptHandle=message["ReceiptHandle"])
        for message in written["fifo"]["in_flight"]:
            sqs.delete_message(QueueUrl=f"{reader.url}/{ACCOUNT}/orders.fifo", ReceiptHandle=message["ReceiptHandle"])
        for href in written["zaqar"]["claimed"]:
            zaqar_call(reader.url, "DELETE", href.removeprefix("/v2"))
        assert _shown(writer.url) == _shown(reader.url)


def _shown(url: str) -> dict[str, Any]:
    """All that reads of both dialects say about every queue."""
    sqs = sqs_client(url)
    found: dict[str, Any] = {}
    for queue_url in sqs.list_queues()["QueueUrls"]:
        name = queue_url.rpartition("/")[2]
        listed = "messages?echo=true&include_claimed=true&include_delayed=true&limit=20"
        messages = zaqar_call(url, "GET", f"/queues/{name}/{listed}")["messages"]
        subscriptions = zaqar_call(url, "GET", f"/queues/{name}/subscriptions")["subscriptions"]
        found[name] = {
            "attributes": sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"],
            "tags": sqs.list_queue_tags(QueueUrl=queue_url).get("Tags"),
            "metadata": zaqar_call(url, "GET", f"/queues/{name}"),
            "messages": [(one["id"], one["body"], one["ttl"]) for one in messages],
            "subscriptions": [{**one, "age": 0} for one in subscriptions],
        }
    return found
