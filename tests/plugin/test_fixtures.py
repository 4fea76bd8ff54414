"""The fixtures, as the tests of a user use them."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.patience import until
from tests.plugin.conftest import MOST_SECONDS, Run

pytestmark = pytest.mark.timeout(MOST_SECONDS + 20)  # runs of pytest and starts of the service, on a busy machine

USERS_SUITE = """
import pytest
from botocore.exceptions import ClientError

@pytest.fixture(autouse=True)
def _no_retries(monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # botocore would repeat throttled calls, and wait between them

def test_client(sqs_client):
    assert "QueueUrls" not in sqs_client.list_queues()
    sqs_client.create_queue(QueueName="q")

def test_client_of_another_test_sees_nothing(sqs_client):
    assert "QueueUrls" not in sqs_client.list_queues()
    sqs_client.create_queue(QueueName="q")

def test_queue(sqs_client, sqs_queue):
    sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="a")
    assert sqs_client.receive_message(QueueUrl=sqs_queue)["Messages"][0]["Body"] == "a"

def test_both_dialects(sqs_client, sqs_queue, zaqar_client):
    sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="a")
    [message] = zaqar_client.queue("test-queue").claim(ttl=60, grace=60)
    assert message.body == "a"
    message.delete()
    assert "Messages" not in sqs_client.receive_message(QueueUrl=sqs_queue)

def test_plain_http_of_zaqar(sqs_client, sqs_queue, zaqar_http):
    sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="a")
    claim = zaqar_http.post("/queues/test-queue/claims", json={"ttl": 60, "grace": 60})
    [message] = claim.json()["messages"]
    assert message["body"] == "a"
    assert zaqar_http.delete(message["href"]).status_code == 204

def test_clock(sqs_client, sqs_queue, sqs_clock):
    sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="a")
    assert sqs_client.receive_message(QueueUrl=sqs_queue, VisibilityTimeout=43200)["Messages"]
    assert "Messages" not in sqs_client.receive_message(QueueUrl=sqs_queue)
    sqs_clock.advance(hours=12)
    assert sqs_client.receive_message(QueueUrl=sqs_queue)["Messages"]
    sqs_clock.advance(days=4)
    assert "Messages" not in sqs_client.receive_message(QueueUrl=sqs_queue)

def test_two_weeks_of_retention(sqs_client, sqs_clock):
    days = {"MessageRetentionPeriod": str(14 * 86400)}
    url = sqs_client.create_queue(QueueName="long", Attributes=days)["QueueUrl"]
    sqs_client.send_message(QueueUrl=url, MessageBody="a")
    sqs_clock.advance(days=14, minutes=-1)
    assert sqs_client.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    sqs_clock.advance(minutes=1)
    assert "Messages" not in sqs_client.receive_message(QueueUrl=url)

def test_chaos_is_the_same_for_the_same_seed(sqs_client, sqs_queue, sqs_facade, sqs_account):
    def admitted(seed):
        sqs_facade.hook("chaos", account=sqs_account, throttling=0.5, seed=seed)
        found = []
        for _ in range(20):
            try:
                sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="a")
                found.append(True)
            except ClientError:
                found.append(False)
        return found

    assert admitted(1) == admitted(1) != admitted(2)

def test_spy(sqs_client, sqs_queue, sqs_spy):
    import threading
    later = threading.Timer(0.1, lambda: sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="order 7"))
    later.start()
    event = sqs_spy.wait_for(sqs_queue, lambda event: event.body == "order 7", timeout_seconds=5)
    later.join()
    assert (event.action, event.queue) == ("sent", "test-queue")
    assert sqs_client.receive_message(QueueUrl=sqs_queue)["Messages"]
    assert [event.action for event in sqs_spy.events()] == ["sent", "received"]

def test_a_spy_that_times_out_lists_the_events(sqs_client, sqs_queue, sqs_spy):
    sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="something else")
    with pytest.raises(AssertionError, match="something else"):
        sqs_spy.wait_for("test-queue", lambda event: event.action == "deleted", timeout_seconds=0.05)

def test_chaos(sqs_client, sqs_queue, sqs_facade, sqs_account):
    sqs_facade.hook("chaos", account=sqs_account, throttling=1)
    with pytest.raises(ClientError, match="RequestThrottled"):
        sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="a")
"""


ODD_SURROUNDINGS = """
from sqs_facade import compat
import pytest
from freezegun import freeze_time

def test_a_spy_times_out_under_frozen_time_too(sqs_client, sqs_queue, sqs_spy):
    with freeze_time("2024-01-01"), pytest.raises(AssertionError, match="no matching event"):
        sqs_spy.wait_for(sqs_queue, lambda event: False, timeout_seconds=0.1)

def test_a_failed_start_is_reported_under_frozen_time_too(monkeypatch):
    monkeypatch.setattr("sqs_facade.compat.launching.START_SECONDS", 0.0)
    with freeze_time("2024-01-01"), pytest.raises(RuntimeError, match="did not start"), compat.facade():
        pass

def test_no_proxy_is_used(sqs_client, sqs_queue, sqs_clock, sqs_spy, zaqar_http, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="a", DelaySeconds=1)
    sqs_clock.advance(1)
    assert [event.action for event in sqs_spy.events()] == ["sent"]
    assert zaqar_http.get("/queues/test-queue").status_code == 200
"""


@pytest.mark.slow
def test_they_work_with_frozen_time_and_beside_proxies(pytester: pytest.Pytester, suite: Run) -> None:
    pytester.makepyfile(test_odd=ODD_SURROUNDINGS)
    suite("--timeout", "60").assert_outcomes(passed=3)


def test_they_do_what_they_say(pytester: pytest.Pytester, suite: Run) -> None:
    pytester.makepyfile(test_users=USERS_SUITE)
    suite().assert_outcomes(passed=11)


@pytest.mark.slow
def test_they_work_on_two_workers(pytester: pytest.Pytester, suite: Run) -> None:
    pytester.makepyfile(test_users=USERS_SUITE, test_users_again=USERS_SUITE)
    suite("-n", "2").assert_outcomes(passed=22)


@pytest.mark.slow
def test_they_stay_apart_from_a_moto_suite_under_the_option(pytester: pytest.Pytester, suite: Run) -> None:
    pytester.makepyfile(test_users=USERS_SUITE)
    suite("--sqs-facade").assert_outcomes(passed=11)


def test_no_service_is_started_unless_a_test_uses_it(pytester: pytest.Pytester, suite: Run) -> None:
    """No process is started, and no module is imported that only such tests need."""
    pytester.makepyfile(
        """
        import sys, psutil
        from sqs_facade.compat.plugin import shared

        def test_of_something_else():
            assert not shared.is_running()
            assert not psutil.Process().children(recursive=True)
            assert not {"urllib3", "boto3", "requests", "moto", "zaqar_core"} & {*sys.modules}
        """
    )
    suite("-p", "no:timeout").assert_outcomes(passed=1)


def test_nothing_is_left_running(pytester: pytest.Pytester, suite: Run) -> None:
    pytester.makepyfile(
        """
        import pathlib
        from sqs_facade.compat.plugin import shared

        def test_client(sqs_client):
            pathlib.Path("pid").write_text(str(shared._server.process.pid))
        """
    )
    suite().assert_outcomes(passed=1)
    assert not psutil.pid_exists(int((pytester.path / "pid").read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGKILL"])
def test_nothing_is_left_of_a_session_that_was_cut_short(
    pytester: pytest.Pytester, suite: Run, signal_name: str
) -> None:
    """Neither the service nor its store."""
    pytester.makepyfile(
        f"""
        import os, pathlib, signal, time, psutil
        from sqs_facade.compat.plugin import shared

        def test_it(sqs_client):
            service = psutil.Process(shared._server.process.pid)
            pids = [service.pid, *(child.pid for child in service.children(recursive=True))]
            pathlib.Path("pids").write_text(" ".join(map(str, pids)))
            if signal.{signal_name} == signal.SIGINT:  # a shell starts background commands with the signal ignored
                signal.signal(signal.SIGINT, signal.default_int_handler)
            os.kill(os.getpid(), signal.{signal_name})
            time.sleep(60)
        """
    )
    suite()
    _assert_gone(pytester.path / "pids")


def test_queue_urls_have_the_form_of_the_environment(
    pytester: pytest.Pytester, suite: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQS_FACADE_QUEUE_URL_HOST", "path")
    pytester.makepyfile(
        """
        def test_it(sqs_client, sqs_queue):
            assert "/queue/us-east-1/" in sqs_queue
            sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="a")
            assert sqs_client.receive_message(QueueUrl=sqs_queue)["Messages"]
        """
    )
    suite().assert_outcomes(passed=1)


@pytest.mark.slow
def test_nothing_is_left_of_a_killed_worker(pytester: pytest.Pytester, suite: Run) -> None:
    """Its tests continue in another worker."""
    pytester.makepyfile(
        """
        import os, pathlib, psutil
        from sqs_facade.compat.plugin import shared

        def test_it(sqs_client):
            service = psutil.Process(shared._server.process.pid)
            pids = [service.pid, *(child.pid for child in service.children(recursive=True))]
            pathlib.Path("pids").write_text(" ".join(map(str, pids)))
            os._exit(3)

        def test_another(sqs_client):
            assert "QueueUrls" not in sqs_client.list_queues()
        """
    )
    suite("-n", "1").assert_outcomes(passed=1, failed=1)
    _assert_gone(pytester.path / "pids")


def _assert_gone(pids: Path) -> None:
    """Check that there are several such processes, and that all of them end soon."""
    left = [int(pid) for pid in pids.read_text().split()]
    assert len(left) > 1
    until(lambda: not any(psutil.pid_exists(pid) for pid in left), "they end")
