"""A policy file and the roles of a real Keystone."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import serving
from tests.keystone.conftest import Caller, write_configuration
from tests.keystone.server import Keystone


def test_the_role_reader_of_keystone_reads_and_changes_nothing(
    keystone: Keystone, tmp_path: Path, lane: str, queue_name: str
) -> None:
    keystone.join(f"reader-{lane}", "one", "reader")
    file = write_configuration(tmp_path / "zaqar.conf", keystone.url)
    policy = tmp_path / "policy.yaml"
    policy.write_text('"messages:create": "role:member"\n"messages:get_all": "role:reader"\n')
    path = f"/v2/queues/{queue_name}/messages"
    with serving(auth_strategy="keystone", keystone_config=str(file), policy_file=str(policy)) as service:
        member = Caller(service.url, keystone.token("one", "one"), lane)
        reader = Caller(service.url, keystone.token(f"reader-{lane}", "one"), lane)
        assert member.call("POST", path, {"messages": [{"body": 1}]}).status_code == 201
        denied = reader.call("POST", path, {"messages": [{"body": 1}]}, X_Roles="member")
        assert (denied.status_code, denied.json()["title"]) == (403, "Not authorized")
        assert len(reader.call("GET", f"{path}?echo=true").json()["messages"]) == 1
