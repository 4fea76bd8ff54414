"""A service that starts with an operator's zaqar.conf."""

from __future__ import annotations

from pathlib import Path

import requests

from tests.conftest import serving

HEADERS = {"Client-ID": "3381af92-2b9e-11e3-b191-71861300734c", "X-Project-Id": "p"}


def test_a_service_starts_with_a_zaqar_conf_and_its_workers_have_its_settings(valkey: str, tmp_path: Path) -> None:
    file = tmp_path / "zaqar.conf"
    uri = valkey.replace("unix://", "redis://")
    file.write_text(
        "[DEFAULT]\nenable_deprecated_api_versions =\n[drivers]\nmessage_store = redis\n"
        f"[drivers:message_store:redis]\nuri = {uri}?socket_timeout=0.1\n[transport]\nmax_message_ttl = 100\n"
        "[cors]\nallowed_origin = https://horizon.example\n"
    )
    with serving(zaqar_config=str(file), durability="memory") as service:
        url = f"{service.url}/v2/queues/q/messages"
        for ttl, status in ((100, 201), (101, 400)):
            document = {"messages": [{"body": 1, "ttl": ttl}]}
            assert requests.post(url, json=document, headers=HEADERS, timeout=10).status_code == status
        assert requests.get(f"{service.url}/v1.1/queues", headers=HEADERS, timeout=10).status_code == 404
        shared = requests.get(url, headers={**HEADERS, "Origin": "https://horizon.example"}, timeout=10)
        assert shared.headers["Access-Control-Allow-Origin"] == "https://horizon.example"
