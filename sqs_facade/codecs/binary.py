"""Binary values: base64 text, read as leniently as AWS reads it."""

from __future__ import annotations

import binascii
import re
from typing import Any

from sqs_facade.codecs.unreadable import Unreadable

#: No blanks: in a form a blank may be a plus sign that a client forgot to escape.
_LINE_BREAKS = re.compile(r"[\r\n]+")
_BASE64 = re.compile(r"([A-Za-z0-9+/]*)={0,2}\Z")
_URL_SAFE = str.maketrans("-_", "+/")


def decode(text: Any) -> Any:
    """The bytes of a base64 text; what is no text stays as it is, for the schema to refuse.

    The padding may be absent, the alphabet may be that of URLs, and there may be line breaks. Raises Unreadable for any
    other character, and for a length that no bytes have.
    """
    if not isinstance(text, str):
        return text
    found = _BASE64.match(_LINE_BREAKS.sub("", text).translate(_URL_SAFE))
    if found is None or len(found[1]) % 4 == 1:
        raise Unreadable("BinaryValue must be base64 text")
    return binascii.a2b_base64(found[1] + "=" * (-len(found[1]) % 4))
