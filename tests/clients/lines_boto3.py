"""Runs with any boto3, old or new: answers calls of SQS, one JSON document a line in each direction.

In: ``{"id": 1, "call": "SendMessage", "with": {...}, "client": {"endpoint": ..., "region": ..., "key": ...}}``.
Out: ``{"id": 1, "result": {...}}`` or ``{"id": 1, "error": {...}}``; bytes travel as ``{"$bytes": base64}``. Every call
has a thread of its own, so that a long poll holds nothing up. Names of this machine's own are given by a map, as a
client's surroundings would: no request leaves the machine.
"""

import base64
import json
import re
import socket
import sys
import threading
import warnings
from typing import Any

warnings.simplefilter("ignore")

import boto3  # noqa: E402 - an old botocore warns when it is imported
import botocore.config  # noqa: E402
import botocore.exceptions  # noqa: E402

_writing = threading.Lock()
_making = threading.Lock()
_clients: dict[Any, Any] = {}
_resolve = socket.getaddrinfo


def _loopback(host: str, *others: Any, **more: Any) -> Any:
    return _resolve("127.0.0.1", *others, **more)


def _client(options: dict[str, str]) -> Any:
    key = tuple(sorted(options.items()))
    with _making:
        if key not in _clients:
            _clients[key] = boto3.client(
                "sqs",
                endpoint_url=options["endpoint"],
                region_name=options["region"],
                aws_access_key_id=options["key"],
                aws_secret_access_key=options["secret"],
                config=botocore.config.Config(
                    retries={"total_max_attempts": 1}, max_pool_connections=40, connect_timeout=30, read_timeout=30
                ),
            )
        return _clients[key]


def _from_wire(value: Any) -> Any:
    if isinstance(value, dict):
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
        return {name: _from_wire(inner) for name, inner in value.items()}
    return [_from_wire(inner) for inner in value] if isinstance(value, list) else value


def _to_wire(value: bytes) -> dict[str, str]:
    return {"$bytes": base64.b64encode(value).decode()}


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    client = _client(asked["client"])
    method = re.sub("(?!^)([A-Z])", r"_\1", asked["call"]).lower()
    try:
        result = getattr(client, method)(**_from_wire(asked["with"]))
    except botocore.exceptions.ClientError as error:
        told = error.response
        return {
            "error": {
                # The class that an ``except client.exceptions.X`` catches; ClientError where the code has none.
                "name": type(error).__name__,
                "code": told["Error"]["Code"],
                "message": told["Error"]["Message"],
                "status": told["ResponseMetadata"]["HTTPStatusCode"],
                "type": told["Error"].get("Type"),
                "request_id": told["ResponseMetadata"].get("RequestId"),
            }
        }
    metadata = result.pop("ResponseMetadata")
    return {"result": result, "request_id": metadata.get("RequestId")}


def _serve(asked: dict[str, Any]) -> None:
    try:
        said = _answer(asked)
    except Exception as problem:  # the client itself broke: the test is told, with the class of the problem
        said = {"broken": f"{type(problem).__name__}: {problem}"}
    line = json.dumps({"id": asked["id"], **said}, default=_to_wire)
    with _writing:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def main() -> None:
    setattr(socket, "getaddrinfo", _loopback)  # noqa: B010 - its signature is wider
    protocol = boto3.client("sqs", region_name="us-east-1").meta.service_model.metadata["protocol"]
    sys.stdout.write(json.dumps({"protocol": protocol}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        threading.Thread(target=_serve, args=(json.loads(line),), daemon=True).start()


if __name__ == "__main__":
    main()
