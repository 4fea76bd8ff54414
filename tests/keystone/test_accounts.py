"""Projects of Keystone as accounts of SQS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import serving
from tests.interop.conftest import sqs_of
from tests.keystone.conftest import Caller, write_configuration
from tests.keystone.server import Keystone
from tests.notifications.conftest import Subscriber
from tests.patience import until

pytestmark = pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning")  # the middleware's library
ACCOUNT = "123456789012"


def test_an_account_reaches_the_queues_of_its_project_and_trusts_name_the_project(
    keystone: Keystone, tmp_path: Path, queue_name: str
) -> None:
    file = write_configuration(tmp_path / "zaqar.conf", keystone.url)
    accounts = f"{keystone.project('one')}={ACCOUNT}"
    with serving(auth_strategy="keystone", keystone_config=str(file), project_accounts=accounts) as service:
        caller = Caller(service.url, keystone.token("one", "one"))
        receiver = Subscriber()
        receiver.start()
        document = {"subscriber": f"trust+http://127.0.0.1:{receiver.port}/hook"}
        assert caller.call("POST", f"/v2/queues/{queue_name}/subscriptions", document).status_code == 201
        sqs = sqs_of(service, ACCOUNT)
        url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        until(lambda: receiver.seen, "the notification", 30.0)
        receiver.stop()
    assert receiver.seen[0].json["body"] == "hello"
    found = keystone.token_info(receiver.seen[0].headers["X-Auth-Token"])
    assert found["project"]["id"] == keystone.project("one")
