"""Decode binary values from base64 text, as leniently as AWS does."""

from __future__ import annotations

import binascii
import re
from typing import Any

from sqs_facade.codecs.unreadable import Unreadable

#: Spaces are not removed: in a form a space may be a plus sign that the client did not escape.
_LINE_BREAKS = re.compile(r"[\r\n]+")
_BASE64 = re.compile(r"([A-Za-z0-9+/]*)={0,2}\Z")
_URL_SAFE = str.maketrans("-_", "+/")


def decode(text: Any) -> Any:
    """Decode base64 text to bytes. Return any other type unchanged; the schema refuses it.

    The padding may be missing, the alphabet may be the URL-safe one, and there may be line breaks. Raises Unreadable
    for any other character and for an impossible length.
    """
    if not isinstance(text, str):
        return text
    found = _BASE64.match(_LINE_BREAKS.sub("", text).translate(_URL_SAFE))
    if found is None or len(found[1]) % 4 == 1:
        raise Unreadable("BinaryValue must be base64 text")
    return binascii.a2b_base64(found[1] + "=" * (-len(found[1]) % 4))
