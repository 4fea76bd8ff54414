"""The bytes of the three protocols: what botocore's client does not send, and what hostile clients may."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
import requests
import xmltodict

from tests.cloudwatch.conftest import VISIBLE, Account
from tests.conftest import Service
from tests.sqs.wire import HTTP, signed

PATH = "/service/GraniteServiceVersion20100801/operation"
TARGET = "GraniteServiceVersion20100801"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _headers(account: str) -> dict[str, str]:
    return {"Authorization": signed(account)}


def _cbor(url: str, operation: str, body: Any, account: str = "", **headers: str) -> requests.Response:
    given = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor", **_headers(account), **headers}
    data = body if isinstance(body, bytes) else cbor2.dumps(body)
    return HTTP.post(f"{url}{PATH}/{operation}", data, headers=given)


def _json(url: str, operation: str, body: str, account: str = "", service: str = TARGET) -> requests.Response:
    given = {"X-Amz-Target": f"{service}.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    return HTTP.post(url, body.encode(), headers={**given, **_headers(account)})


def _form(account: Account, start: str, end: str) -> dict[str, str]:
    return {
        "Action": "GetMetricStatistics",
        "Version": "2010-08-01",
        "Namespace": "AWS/SQS",
        "MetricName": VISIBLE,
        "Dimensions.member.1.Name": "QueueName",
        "Dimensions.member.1.Value": "orders",
        "StartTime": start,
        "EndTime": end,
        "Period": "60",
        "Statistics.member.1": "Sum",
        "Statistics.member.2": "Average",
        "Unit": "Count",
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_query_parameters_in_a_form_or_a_url(one: Account, method: str) -> None:
    one.queue(messages=3)
    form = _form(one, _iso(one.now() - 120), _iso(one.now() + 1))
    where = {"params": form} if method == "GET" else {"data": form}
    answer = HTTP.request(method, one.url, headers=_headers(one.id), **where)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/xml")
    document = xmltodict.parse(answer.content)["GetMetricStatisticsResponse"]
    assert document["@xmlns"] == "http://monitoring.amazonaws.com/doc/2010-08-01/"
    assert document["ResponseMetadata"]["RequestId"] == answer.headers["x-amzn-RequestId"]
    points = document["GetMetricStatisticsResult"]["Datapoints"]["member"]
    newest = points[-1] if isinstance(points, list) else points
    assert list(newest) == ["Timestamp", "Average", "Sum", "Unit"]
    assert (newest["Sum"], newest["Unit"]) == ("3.0", "Count")
    assert newest["Timestamp"].endswith(":00Z")


@pytest.mark.parametrize(
    "spelled",
    [_iso, lambda seconds: _iso(seconds).replace("Z", "+00:00"), lambda seconds: _iso(seconds).removesuffix("Z"), str],
    ids=["Z", "offset", "neither", "epoch"],
)
def test_times_of_the_query_protocol(one: Account, spelled: Any) -> None:
    one.queue(messages=1)
    answer = HTTP.post(one.url, _form(one, spelled(one.now() - 120), spelled(one.now() + 1)), headers=_headers(one.id))
    assert "<Sum>1.0</Sum>" in answer.text


@pytest.mark.parametrize("protocol", ["json", "cbor"])
def test_times_of_the_other_protocols(one: Account, protocol: str) -> None:
    one.queue(messages=1)
    start, end = one.now() - 120, one.now() + 1
    spellings: list[tuple[Any, Any]] = [(start, end), (int(start), int(end) + 1), (_iso(start), _iso(end))]
    if protocol == "cbor":
        spellings.append((cbor2.CBORTag(1, start), cbor2.CBORTag(1, int(end) + 1)))
    for first, last in spellings:
        body = {
            "Namespace": "AWS/SQS",
            "MetricName": VISIBLE,
            "Dimensions": [{"Name": "QueueName", "Value": "orders"}],
            "StartTime": first,
            "EndTime": last,
            "Period": 60,
            "Statistics": ["Sum"],
            "ExtendedStatistics": None,
            "OfLaterModels": {"x": [1]},
        }
        if protocol == "cbor":
            found = cbor2.loads(_cbor(one.url, "GetMetricStatistics", body, one.id).content)
            stamp = found["Datapoints"][-1]["Timestamp"].timestamp()
        else:
            found = HTTP.post(
                one.url, json=body, headers={**_headers(one.id), "X-Amz-Target": f"{TARGET}.GetMetricStatistics"}
            ).json()
            stamp = found["Datapoints"][-1]["Timestamp"]
        assert found["Datapoints"][-1]["Sum"] == 1
        assert stamp % 60 == 0


def test_cbor_answers_have_times_as_tags_and_values_as_doubles(one: Account) -> None:
    one.queue(messages=1)
    metric = {"Namespace": "AWS/SQS", "MetricName": VISIBLE, "Dimensions": [{"Name": "QueueName", "Value": "orders"}]}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    body = {"MetricDataQueries": [query], "StartTime": one.now() - 60, "EndTime": one.now() + 1}
    answer = _cbor(one.url, "GetMetricData", body, one.id)
    assert answer.headers["Content-Type"] == "application/cbor"
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert b"\xc1\x1a" in answer.content, "tag 1, four bytes"
    assert b"\xfb\x3f\xf0" + bytes(6) in answer.content, "1.0 in eight bytes"


def test_both_lanes_answer_alike(one: Account) -> None:
    one.queue(messages=1)
    form = _form(one, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z")
    found = []
    for lane in ("fast", "flask"):
        headers = {**_headers(one.id), "x-sqs-facade-lane": lane}
        xml = HTTP.post(one.url, form, headers=headers)
        json = HTTP.post(one.url, b"{}", headers={**headers, "X-Amz-Target": f"{TARGET}.ListMetrics"})
        found.append((re.sub(UUID, "id", xml.text), json.text, json.headers["Content-Type"]))
    assert found[0] == found[1]
    assert found[0][1].startswith('{"Metrics":[{')


OTHERS = ["DescribeAlarms", "PutMetricData", "PutMetricAlarm", "getmetricdata", "", "Get/MetricData"]


@pytest.mark.parametrize("operation", OTHERS)
def test_other_operations_are_unknown(service: Service, operation: str) -> None:
    form = HTTP.post(service.url, {"Action": operation, "Version": "2010-08-01"})
    assert (form.status_code, xmltodict.parse(form.content)["ErrorResponse"]["Error"]["Code"]) == (400, "InvalidAction")
    json = _json(service.url, operation, "{}")
    assert (json.status_code, json.json()["__type"]) == (400, "UnknownOperationException")
    cbor = _cbor(service.url, operation, {})
    shape = cbor2.loads(cbor.content)["__type"]
    assert (cbor.status_code, shape) == (400, "com.amazonaws.cloudwatch#UnknownOperationException")
    for answer in (json, cbor):
        assert answer.headers["x-amzn-query-error"] == "InvalidAction;Sender"


NESTED = b"\x81" * 5000
HOSTILE = {
    "empty text": b"\x60",
    "list": b"\x80",
    "cut short": b"\xa1\x61",
    "cut in a value": cbor2.dumps({"MetricName": "x"})[:-1],
    "not UTF-8": b"\xa1\x62\xff\xfe\x01",
    "nested": NESTED,
    "endless": b"\x9f" * 5000,
    "huge array": b"\x9b\x7f" + b"\xff" * 7,
    "huge text": b"\x7b\x7f" + b"\xff" * 7,
    "itself": b"\xd8\x1c\x81\xd8\x1d\x00",
    "pattern": b"\xa1\x69Namespace\xd8\x23\x68(a+)+$()",
    "fraction": b"\xa1\x66Period\xc4\x82\x1b\x7f" + b"\xff" * 7 + b"\x01",
    "integer of 2 KiB": b"\xa1\x66Period\xc2\x59\x08\x00" + b"\xff" * 2048,
    "numbers as keys": b"\xa1\x01\x02",
    "equal keys": b"\xa2\x66Period\x01\x66Period\x02",
    "infinite time": b"\xa1\x69StartTime\xc1\xfb\x7f\xf0" + bytes(6),
    "not a number": b"\xa1\x69StartTime\xfb\x7f\xf8" + bytes(6),
    "time of no date": b"\xa1\x69StartTime\xc1\x1b\x7f" + b"\xff" * 7,
    "time before 1970": b"\xa1\x69StartTime\x20",
    "undefined": b"\xa1\x69Namespace\xf7",
    "bytes": b"\xa1\x69Namespace\x43abc",
    "true time": b"\xa1\x69StartTime\xf5",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_cbor_that_is_not_of_the_protocol_is_refused(service: Service, body: bytes) -> None:
    answer = _cbor(service.url, "GetMetricStatistics", body)
    found = cbor2.loads(answer.content)
    assert answer.status_code == 400
    assert found["__type"] in {
        "com.amazonaws.cloudwatch#SerializationException",
        "com.amazonaws.cloudwatch#MissingRequiredParameterException",
    }
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert "cbor2" not in found["message"]


def test_rpc_v2_needs_its_header(service: Service) -> None:
    answer = _cbor(service.url, "ListMetrics", {}, **{"smithy-protocol": "rpc-v2-json"})
    assert (answer.status_code, answer.headers["x-amzn-query-error"]) == (400, "MalformedInput;Sender")
    assert _cbor(service.url, "ListMetrics", b"").status_code == 200, "no input is an empty one"
    assert HTTP.get(f"{service.url}{PATH}/ListMetrics").status_code == 400
    too_large = requests.post(
        f"{service.url}{PATH}/ListMetrics", bytes(1 << 21), headers={"smithy-protocol": "rpc-v2-cbor"}, timeout=10
    )
    assert (too_large.status_code, too_large.headers["Content-Type"]) == (413, "application/cbor")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        '{"Period": "60"}',
        '{"StartTime": true}',
        '{"StartTime": "soon"}',
        "[" * 100_000,
        '{"Dimensions": {}}',
    ],
)
def test_json_that_is_not_of_the_protocol_is_refused(service: Service, body: str) -> None:
    answer = _json(service.url, "GetMetricStatistics", body)
    assert answer.status_code == 400
    assert answer.json()["__type"] in ("SerializationException", "MissingRequiredParameterException")


@pytest.mark.parametrize(
    "wrong",
    [
        {"Period": "sixty"},
        {"StartTime": "yesterday"},
        {"Dimensions.member.x.Name": "QueueName"},
        {f"Dimensions.member.{'1' * 5000}.Name": "QueueName"},
        {"Dimensions.member": "x"},
        {"Dimensions": "x"},
        {"StartTime": "1e400"},
        {"StartTime": "0001-01-01T00:00:00Z"},
        {"Action.1": "x"},
    ],
)
def test_forms_that_are_not_of_the_protocol_are_refused(one: Account, wrong: dict[str, str]) -> None:
    form = {**_form(one, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"), **wrong}
    if wrong.keys() & {"Dimensions.member", "Dimensions"}:
        form = {name: value for name, value in form.items() if not name.startswith("Dimensions.member.")}
    answer = HTTP.post(one.url, form)
    error = xmltodict.parse(answer.content)["ErrorResponse"]["Error"]
    assert (answer.status_code, error["Type"]) == (400, "Sender")
    assert error["Code"] in ("MalformedInput", "InvalidAction")


def test_messages_of_sqs_may_name_the_version_of_cloudwatch(one: Account) -> None:
    url = one.queue()
    form = {"Action": "SendMessage", "QueueUrl": url, "MessageBody": "a&Version=2010-08-01&b", "Version": "2012-11-05"}
    assert "<SendMessageResponse" in HTTP.post(one.url, form, headers=_headers(one.id)).text
