"""The grammar of HTTP/1 itself: heads and bodies that are wrong in one or more places."""

from __future__ import annotations

import random

from tests.fuzz.case import Case

_GOOD = (
    b"GET /v2 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"GET /?Action=ListQueues HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"HEAD /health HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 17\r\n\r\nAction=ListQueues",
    b"POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nContent-Length: 2\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2;x=y\r\n{}\r\n0\r\nT: u\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nExpect: 100-continue\r\n"
    b"Content-Length: 2\r\n\r\n{}",
    b"PUT http://{host}/v2/queues/a HTTP/1.1\r\nHost: {host}\r\nClient-ID: x\r\nContent-Length: 2\r\n\r\n{}",
    b"OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n",
)
PIECES = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b"\0", b":", b"\xff", b"\xc3\xa4", b"\r\n ", b"HTTP/1.1",
    b"HTTP/2.0", b"HTTP/1.0", b"HTTP/9.9", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99999999999999999999\r\n",
    b"Content-Length: +2\r\n", b"Content-Length: 2, 2\r\n", b"Content-Length: 0x2\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding:\r\n", b"Transfer_Encoding: chunked\r\n",
    b"Host: x\r\n", b"Host: a b\r\n", b"Host: [\r\n", b"Host:\r\n", b"Host: a:99999\r\n", b"Connection: close\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\n", b"Expect: x\r\n",
    b"Upgrade: h2c\r\n", b"Origin: http://[\r\n", b"Sec-Fetch-Site: cross-site\r\n", b"Cookie: a=b\r\n",
    b"X: " + b"y" * 9_000 + b"\r\n", b"X: y\r\n" * 120, b"?", b"#", b"%", b"%00", b"%ff", b"//",
    b"/" * 300, b"..", b"http://[", b"http://a@b/", b"ffffffffffffffff\r\n", b"1\r\n", b"0\r\n\r\n", b"-1\r\n",
    b"5;" + b"z" * 400 + b"\r\n", b"GET ", b"CONNECT x:1 ", b"\x16\x03\x01\x02\x00",
)  # fmt: skip
#: Between the parts of a request, so that a change hits a whole one.
_SEPARATORS = b" :\r\n/?=;"


def request(source: random.Random) -> Case:
    """Return a request that is sent as it is; the client ends its side of the connection after it."""
    raw = source.choice(_GOOD)
    for _ in range(source.choice((1, 1, 2, 3))):
        places = [at for at, one in enumerate(raw) if one in _SEPARATORS]
        start = source.choice(places) if places and source.random() < 0.7 else source.randrange(len(raw) + 1)
        end = min(len(raw), start + source.choice((0, 0, 1, 2, 4, 20)))
        match source.randrange(4):
            case 0:
                raw = raw[:start]
            case 1:
                raw = raw[:start] + bytes([source.randrange(256)]) + raw[end:]
            case 2:
                raw = raw[:end] + raw[start:]
            case _:
                raw = raw[:start] + source.choice(PIECES) + raw[end:]
    return Case("", b"", raw=raw)
