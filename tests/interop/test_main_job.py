"""The main job through real clients of both dialects at once. SQS's clients by themselves are in tests/clients."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import Service

ROOT = Path(__file__).resolve().parents[2]


def test_the_tour_of_the_readme_prints_what_the_readme_shows(service: Service) -> None:
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"<!-- tour: begin -->\n(?:<!-- [^\n]* -->\n)*```python\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    program = found[1].replace("http://127.0.0.1:9324", service.url)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout.splitlines() == ["Zaqar claimed: hello from SQS", 'SQS received: {"from":"Zaqar"}'], ran.stderr


def test_python_zaqarclient_posts_lists_claims_and_deletes(sqs: Any, queue_url: str, zaqar_queue: Any) -> None:
    zaqar_queue.post([{"ttl": 300, "body": {"n": n}} for n in range(5)])
    sqs.send_message(QueueUrl=queue_url, MessageBody="from sqs")
    assert [m.body for m in zaqar_queue.messages(echo=True)] == [{"n": n} for n in range(5)] + ["from sqs"]
    claim = zaqar_queue.claim(ttl=60, grace=60, limit=3)
    held = list(claim)
    assert [m.body for m in held] == [{"n": n} for n in range(3)]
    assert zaqar_queue.stats["messages"]["claimed"] == 3
    for message in held:
        message.delete()
    assert len(sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)["Messages"]) == 3
