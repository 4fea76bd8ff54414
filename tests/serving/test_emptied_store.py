"""A store that has lost its data under a running service: all workers read again what they had cached of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.conftest import serving
from tests.patience import until
from tests.private_valkey import PrivateValkey, private_valkey
from tests.sqs.wire import Sqs
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import QueueNotFound, StoreUnavailable
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys
from zaqar_core.web.hooks import Switches

REF = QueueRef("000000000000", "us-east-1", "again")


@pytest.fixture
def server() -> Iterator[PrivateValkey]:
    with private_valkey() as server:
        yield server


@pytest.fixture
def workers(server: PrivateValkey) -> Iterator[list[Core]]:
    """Two processes, as far as the store sees them."""
    settings = Settings(redis=server.url, durability="memory", store_connections=4)
    cores = [Core(settings, server.url) for _ in range(2)]
    yield cores
    for core in cores:
        core.close()


def restart(server: PrivateValkey) -> None:
    server.kill()
    server.start()


def flush(server: PrivateValkey) -> None:
    with server.client() as client:
        client.flushall()


def is_created(core: Core) -> bool:
    """Return whether the queue could be created: not on a connection to the server that was killed."""
    try:
        return queues.create(core.session(), REF, QueueSettings(), creator="sqs").is_new
    except StoreUnavailable:
        return False


@pytest.mark.parametrize("empty", [restart, flush])
def test_a_later_process_agrees_with_the_earlier_ones(
    server: PrivateValkey, workers: list[Core], empty: object
) -> None:
    """The one that comes to the empty store first decides, be it new or not."""
    assert callable(empty)
    empty(server)
    newest = Core(Settings(redis=server.url, durability="memory", store_connections=4), server.url)
    try:
        for core in workers:
            until(lambda core=core: core.store.inspect() or True, "an inspection")  # type: ignore[misc]
        assert len({core.secrets.secret for core in (*workers, newest)}) == 1
        assert len({core.secrets._identity for core in (*workers, newest)}) == 1
    finally:
        newest.close()


def test_a_new_connection_learns_of_the_empty_store_before_its_first_command(
    server: PrivateValkey, workers: list[Core]
) -> None:
    restart(server)
    with server.client() as client:
        client.set(keys.SECRET, b"n" * 32)
        client.set(keys.DEPLOYMENT, b"another")
    until(lambda: is_created(workers[0]), "the queue is created")
    assert workers[0].secrets.secret == b"n" * 32


def test_receipts_of_one_process_serve_the_other_after_a_flush(server: PrivateValkey, workers: list[Core]) -> None:
    old = workers[0].secrets.secret
    for core in workers:
        core.grouped.add(b"cached")
        core.encrypted.add(b"cached")
    flush(server)
    for core in workers:
        core.store.inspect()
    assert {core.secrets.secret for core in workers} == {old}
    assert [core.grouped | core.encrypted for core in workers] == [set(), set()]
    one, other = (core.session() for core in workers)
    queues.create(one, REF, QueueSettings(), creator="sqs")
    [sent] = messages.send(other, REF, [NewMessage(b"1")])
    [found] = leases.receive(one, REF, max_messages=1, visibility_seconds=30, wait_seconds=0)
    assert found.receipt
    assert messages.get_many(other, REF, [found.id])[0].id == found.id
    assert leases.delete_received(other, REF, [found.receipt]) == [None]
    assert sent


def test_a_process_that_missed_the_flush_adopts_what_others_have_stored(
    server: PrivateValkey, workers: list[Core]
) -> None:
    """As after the start of a new worker, which finds no secret."""
    flush(server)
    with server.client() as client:
        client.set(keys.SECRET, b"n" * 32)
    session = workers[0].session()
    workers[0].store.inspect()
    assert session.secret == b"n" * 32
    with pytest.raises(QueueNotFound):
        queues.get(session, REF)


def test_switches_of_the_lost_store_are_forgotten(server: PrivateValkey, workers: list[Core]) -> None:
    store, switches = workers[0].store, Switches(Settings(ephemeral=True, workers=1))
    workers[0].when_emptied.append(switches.forget)
    switches.set_spy(store, "p", on=True)
    assert switches.now(store).revision
    flush(server)
    store.inspect()
    assert not switches.now(store).revision


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    protocol, _, lane = request.param.partition("-")
    return protocol, lane


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, PrivateValkey]]:
    with private_valkey() as server, serving(redis=server.url, durability="memory", workers="2") as service:
        yield service.url, server


def test_handles_of_the_lost_store_are_refused_and_fresh_ones_serve(
    served: tuple[str, PrivateValkey], way: tuple[str, str], queue_name: str
) -> None:
    url, server = served
    sqs = Sqs(url, *way)
    queue = sqs.queue(queue_name)
    sqs.send(queue, "lost")
    [lost] = sqs.receive(queue)
    flush(server)
    assert sqs.error("DeleteMessage", QueueUrl=queue, ReceiptHandle=lost["ReceiptHandle"]).code == (
        "AWS.SimpleQueueService.NonExistentQueue"
    )
    sqs.queue(queue_name)
    error = sqs.error("DeleteMessage", QueueUrl=queue, ReceiptHandle=lost["ReceiptHandle"])
    assert (error.status, error.code) == (404, "ReceiptHandleIsInvalid")
    for number in range(8):
        sqs.send(queue, str(number))
    for _ in range(8):
        [found] = sqs.receive(queue)
        sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
    assert sqs.counts(queue) == ("0", "0", "0")


def test_a_service_that_starts_after_the_flush_agrees_with_the_earlier_one(way: tuple[str, str]) -> None:
    with private_valkey() as server, serving(redis=server.url, durability="memory", workers="1") as earlier:
        flush(server)
        with serving(redis=server.url, durability="memory", workers="1") as later:
            assert requests.get(f"{earlier.url}/health/ready", timeout=10).status_code == 200
            one, other = Sqs(earlier.url, *way), Sqs(later.url, *way)
            queue = one.queue("shared")
            for receiver, remover in ((one, other), (other, one)):
                one.send(queue, "1")
                [found] = receiver.receive(queue)
                remover.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
            assert one.counts(queue) == ("0", "0", "0")


def test_messages_of_the_lost_store_are_gone_for_zaqar(served: tuple[str, PrivateValkey], queue_name: str) -> None:
    url, server = served
    headers = {"X-Project-Id": "p", "Client-ID": "3381af92-2b9e-11e3-b191-71861300734c"}
    messages_url = f"{url}/v2/queues/{queue_name}/messages"

    def post() -> str:
        document = {"messages": [{"body": 1, "ttl": 60}]}
        answer = requests.post(messages_url, json=document, headers=headers, timeout=10)
        return str(answer.json()["resources"][0])

    lost = post()
    flush(server)
    assert requests.get(url + lost, headers=headers, timeout=10).status_code == 404
    fresh = post()
    assert requests.get(url + lost, headers=headers, timeout=10).status_code == 404
    assert requests.delete(url + lost, headers=headers, timeout=10).status_code == 204
    assert requests.get(url + fresh, headers=headers, timeout=10).status_code == 200
