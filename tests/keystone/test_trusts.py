"""Subscribers with trust: notifications carry a token of the subscribing user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Service, serving
from tests.keystone.conftest import Caller, write_configuration
from tests.keystone.server import Keystone
from tests.notifications.conftest import Subscriber
from tests.patience import until
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.names import QueueRef
from zaqar_core.keystone.trusts import Trustor, Trusts
from zaqar_core.notifications.notification import NotDelivered, Notification
from zaqar_core.notifications.trust_webhooks import TrustWebhookChannel
from zaqar_core.notifications.webhooks import WebhookChannel

pytestmark = pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning")  # the middleware's library
SECONDS = 30.0
ACCOUNT = "210987654321"


@pytest.fixture
def receiver() -> Iterator[Subscriber]:
    subscriber = Subscriber()
    subscriber.start()
    yield subscriber
    subscriber.stop()


def uri(receiver: Subscriber) -> str:
    return f"trust+http://127.0.0.1:{receiver.port}/hook"


def subscribe(caller: Caller, queue: str, **document: Any) -> requests.Response:
    return caller.call("POST", f"/v2/queues/{queue}/subscriptions", document)


def subscription(caller: Caller, queue: str) -> Any:
    [found] = caller.call("GET", f"/v2/queues/{queue}/subscriptions").json()["subscriptions"]
    return found


def is_trust(keystone: Keystone, caller: Caller, trust_id: str) -> bool:
    headers = {"X-Auth-Token": caller.token}
    answer = requests.get(f"{keystone.url}/OS-TRUST/trusts/{trust_id}", headers=headers, timeout=30)
    assert answer.status_code in (200, 404), answer.text
    return answer.status_code == 200


def test_a_subscriber_gets_a_token_of_the_subscribing_user(
    keystone: Keystone, one: Caller, receiver: Subscriber, queue_name: str
) -> None:
    given = {"post_headers": {"X-Auth-Token": "forged", "X-More": "1"}}
    assert subscribe(one, queue_name, subscriber=uri(receiver), ttl=600, options=given).status_code == 201
    assert one.call("POST", f"/v2/queues/{queue_name}/messages", {"messages": [{"body": 1}]}).status_code == 201
    until(lambda: receiver.seen, "the notification", SECONDS)
    seen = receiver.seen[0]
    assert (seen.path, seen.json["body"], seen.headers["X-More"]) == ("/hook", 1, "1")
    found = keystone.token_info(seen.headers["X-Auth-Token"])
    assert found["project"]["id"] == keystone.project("one")
    assert found["user"]["name"] == "one"
    assert "member" in {role["name"] for role in found["roles"]}
    assert found["OS-TRUST:trust"]["id"] == subscription(one, queue_name)["options"]["trust_id"]


def test_notifications_of_messages_that_sqs_sent_carry_the_same_token(
    keystone: Keystone, guarded: Service, receiver: Subscriber, queue_name: str
) -> None:
    """The account of SQS is the project."""
    keystone.number("counted", ACCOUNT, "one")
    caller = Caller(guarded.url, keystone.token("one", "counted"))
    assert subscribe(caller, queue_name, subscriber=uri(receiver), ttl=600).status_code == 201
    for body in ("first", "second"):
        sent = requests.post(
            guarded.url,
            json.dumps({"QueueUrl": f"{guarded.url}/{ACCOUNT}/{queue_name}", "MessageBody": body}),
            headers={"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"},
            timeout=30,
        )
        assert sent.status_code == 200, sent.text
        until(lambda: receiver.seen and receiver.seen[-1].json["body"] == body, "the notification", SECONDS)  # noqa: B023
    tokens = {seen.headers["X-Auth-Token"] for seen in receiver.seen}
    assert len(tokens) == 1, "Keystone is asked for one token"
    assert keystone.token_info(tokens.pop())["project"]["id"] == ACCOUNT


def test_the_trust_ends_with_the_subscription(
    keystone: Keystone, one: Caller, receiver: Subscriber, queue_name: str
) -> None:
    made = subscribe(one, queue_name, subscriber=uri(receiver), ttl=600).json()["subscription_id"]
    trust_id = subscription(one, queue_name)["options"]["trust_id"]
    assert is_trust(keystone, one, trust_id)
    assert subscribe(one, queue_name, subscriber=uri(receiver)).json()["subscription_id"] == made
    assert subscription(one, queue_name)["options"]["trust_id"] == trust_id
    assert one.call("DELETE", f"/v2/queues/{queue_name}/subscriptions/{made}").status_code == 204
    assert not is_trust(keystone, one, trust_id)


def test_a_change_keeps_the_trust_unless_it_changes_the_subscriber_or_the_ttl(
    keystone: Keystone, one: Caller, receiver: Subscriber, queue_name: str
) -> None:
    made = subscribe(one, queue_name, subscriber=uri(receiver), ttl=600).json()["subscription_id"]
    path = f"/v2/queues/{queue_name}/subscriptions/{made}"
    first = subscription(one, queue_name)["options"]["trust_id"]
    assert one.call("PATCH", path, {"options": {"mine": 1}}).status_code == 204
    assert subscription(one, queue_name)["options"] == {"mine": 1, "trust_id": first}
    assert one.call("PATCH", path, {"ttl": 700}).status_code == 204
    second = subscription(one, queue_name)["options"]["trust_id"]
    assert (is_trust(keystone, one, first), is_trust(keystone, one, second)) == (False, True)
    assert one.call("PATCH", path, {"subscriber": "http://127.0.0.1:9/"}).status_code == 204
    assert subscription(one, queue_name)["options"] == {"mine": 1}
    assert not is_trust(keystone, one, second)


def test_a_trust_cannot_be_named_by_a_client(one: Caller, receiver: Subscriber, queue_name: str) -> None:
    options = {"trust_id": "of-somebody-else"}
    assert subscribe(one, queue_name, subscriber=uri(receiver), options=options).status_code == 400
    made = subscribe(one, queue_name, subscriber=uri(receiver)).json()["subscription_id"]
    path = f"/v2/queues/{queue_name}/subscriptions/{made}"
    assert one.call("PATCH", path, {"options": options}).status_code == 400


def test_a_signed_url_creates_no_trust(
    one: Caller, nobody: Caller, keystone: Keystone, receiver: Subscriber, queue_name: str
) -> None:
    """No user owns such a request, whatever its headers say."""
    path = f"/v2/queues/{queue_name}"
    one.call("PUT", path)
    signed = one.call("POST", f"{path}/share", {"paths": ["subscriptions"], "methods": ["POST"]}).json()
    shown = {
        "URL_Signature": signed["signature"],
        "URL_Expires": signed["expires"],
        "URL_Methods": ",".join(signed["methods"]),
        "URL_Paths": ",".join(signed["paths"]),
        "X_User_Id": "somebody",
        "X_Auth_Token": one.token or "",
    }
    holder = nobody.claiming(signed["project"])
    answer = holder.call("POST", f"{path}/subscriptions", {"subscriber": uri(receiver)}, **shown)
    assert (answer.status_code, "token" in answer.json()["description"]) == (400, True)
    assert one.call("GET", f"{path}/subscriptions").json()["subscriptions"] == []


def test_a_deleted_trust_is_listed_as_undelivered_without_secrets(
    keystone: Keystone, one: Caller, receiver: Subscriber, queue_name: str
) -> None:
    subscribe(one, queue_name, subscriber=uri(receiver), ttl=600)
    trust_id = subscription(one, queue_name)["options"]["trust_id"]
    headers = {"X-Auth-Token": one.token}
    assert requests.delete(f"{keystone.url}/OS-TRUST/trusts/{trust_id}", headers=headers, timeout=30).ok
    one.call("POST", f"/v2/queues/{queue_name}/messages", {"messages": [{"body": 1}]})
    path = f"/v2/queues/{queue_name}/undelivered"
    until(lambda: one.call("GET", path).json()["undelivered"], "the failure", SECONDS)
    [failed] = one.call("GET", path).json()["undelivered"]
    assert (failed["error"], failed["tries"]) == ("the trust does not exist any more", 1)
    assert trust_id not in json.dumps(failed)
    assert not receiver.seen


def notification(url: str, trust_id: str) -> Notification:
    return Notification(QueueRef("p", "r", "q"), "message", "id", url, {"trust_id": trust_id}, b"{}")


def test_an_unavailable_keystone_is_a_failed_try(tmp_path: Path, free_port: int) -> None:
    file = write_configuration(tmp_path / "zaqar.conf", f"http://127.0.0.1:{free_port}/v3")
    channel = TrustWebhookChannel(WebhookChannel(Settings(ephemeral=True)), Trusts(file, 4.0))
    told = notification("trust+http://127.0.0.1:9/", "any")
    assert channel.destination(told) == "keystone"
    with pytest.raises(NotDelivered) as failure:
        channel.deliver(told)
    assert (failure.value.reason, failure.value.is_final) == ("Keystone did not answer", False)


def test_a_subscriber_that_refuses_a_kept_token_gets_a_new_one_by_the_next_try(
    keystone: Keystone, receiver: Subscriber, tmp_path: Path
) -> None:
    trusts = Trusts(write_configuration(tmp_path / "zaqar.conf", keystone.url), 20.0)
    token = keystone.token("one", "one")
    user = keystone.token_info(token)["user"]["id"]
    trust_id = trusts.create(Trustor(token, user, keystone.project("one"), frozenset(("member",))), 600)
    channel = TrustWebhookChannel(WebhookChannel(Settings(ephemeral=True)), trusts)
    told = notification(uri(receiver), trust_id)
    channel.deliver(told)
    assert channel.destination(told) == f"127.0.0.1:{receiver.port}"
    receiver.statuses += [401, 401]
    with pytest.raises(NotDelivered) as first:
        channel.deliver(told)
    with pytest.raises(NotDelivered) as second:
        channel.deliver(told)
    assert (first.value.is_final, second.value.is_final) == (False, True)


def test_a_subscription_is_refused_while_keystone_is_unavailable(
    keystone: Keystone, tmp_path: Path, receiver: Subscriber, queue_name: str
) -> None:
    """503, and nothing is subscribed: the token is known from before."""
    with keystone.running() as url:
        file = write_configuration(tmp_path / "zaqar.conf", url, http_request_max_retries=0)
        service = serving(auth_strategy="keystone", keystone_config=str(file))
        opened = service.__enter__()
        caller = Caller(opened.url, keystone.token("one", "one"))
        assert caller.call("PUT", f"/v2/queues/{queue_name}").status_code == 201
    try:
        assert subscribe(caller, queue_name, subscriber=uri(receiver)).status_code == 503
        assert caller.call("GET", f"/v2/queues/{queue_name}/subscriptions").json()["subscriptions"] == []
    finally:
        service.__exit__(None, None, None)
