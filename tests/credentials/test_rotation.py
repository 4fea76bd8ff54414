"""A rotation of keys by the commands, while the user sends requests: none of them is refused."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

from click.testing import CliRunner

from sqs_facade.cli import main
from tests.credentials.conftest import TEXT, Guarded, written
from tests.credentials.signing import KEY, SECRET, signed
from tests.sqs.wire import HTTP

_ROTATIONS, _SENDERS = 3, 4
_BODY = b"{}"
_HEADERS = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}


def _rotate(file: Path, *flags: str) -> dict[str, str]:
    arguments = ["credentials", "rotate", "one", *flags, "--credentials-file", str(file)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)


def test_a_rotation_under_load_refuses_nothing(guarded: Guarded) -> None:
    keys, is_over, answers = [(KEY, SECRET)], threading.Event(), Counter[int]()
    done = [0] * _SENDERS

    def send(number: int) -> None:
        while not is_over.is_set():
            key, secret = keys[-1]
            url, headers = signed("POST", f"{guarded.url}/", _BODY, _HEADERS, key=key, secret=secret)
            answers[HTTP.post(url, _BODY, headers=headers, timeout=30).status_code] += 1
            done[number] += 1

    senders = [threading.Thread(target=send, args=(number,)) for number in range(_SENDERS)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(_ROTATIONS):
            shown = _rotate(guarded.folder / "credentials.toml")
            keys.append((shown["AWS_ACCESS_KEY_ID"], shown["AWS_SECRET_ACCESS_KEY"]))  # is used at once
            before = list(done)
            while any(now < then + 2 for now, then in zip(done, before, strict=True)):  # until none has the old key
                assert all(sender.is_alive() for sender in senders)
            _rotate(guarded.folder / "credentials.toml", "--finish")
    finally:
        is_over.set()
        for sender in senders:
            sender.join()
        written(guarded.folder, TEXT)
    assert answers.keys() == {200}
    key, secret = keys[1]
    url, headers = signed("POST", f"{guarded.url}/", _BODY, _HEADERS, key=key, secret=secret)
    while HTTP.post(url, _BODY, headers=headers, timeout=30).status_code == 200:
        pass  # until the workers have read the file
