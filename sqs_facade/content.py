"""Checks of message content: characters, attributes, identifiers, tags and sizes. Sizes are UTF-8 bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from sqs_facade.codecs.query import listed, mapped
from sqs_facade.errors import SqsError, invalid, missing
from sqs_facade.registry import Shape
from zaqar_core.domain import limits
from zaqar_core.domain.characters import first_not_in_sqs
from zaqar_core.domain.model import Attribute

_KEY, _VALUE = limits.TAG_KEY_CHARACTERS, limits.TAG_VALUE_CHARACTERS
TAG_LIMITS = (
    f"at most {limits.TAGS}; keys of {_KEY.least} to {_KEY.most}, values of {_VALUE.least} to {_VALUE.most} characters"
)
TAG_KEYS = f"Tag keys must be between {_KEY.least} and {_KEY.most} characters in length."
_TAG_VALUES = f"Tag values must be between {_VALUE.least} and {_VALUE.most} characters in length."
_LONGEST_NAME = limits.ATTRIBUTE_NAME_CHARACTERS
_NAME = re.compile(rf"[\w.-]{{1,{_LONGEST_NAME}}}\Z")
_RESERVED = re.compile(r"^(?:aws|amazon)\.", re.IGNORECASE)
#: AWS accepts any label behind the dot, also one with blanks (amazon-sqs-java-messaging-lib issue 54).
_TYPE = re.compile(r"(String|Number|Binary)(?:\.[^\x00-\x1F\uFFFE\uFFFF]+)?\Z")
_IDENTIFIER = re.compile(
    r"""[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]""" rf"{{1,{limits.IDENTIFIER_CHARACTERS}}}\Z"
)
TRACE_HEADER = "AWSTraceHeader"
LISTS = "empty, or UnsupportedOperation"


class AttributeValue(Shape):
    """MessageAttributeValue of the API."""

    data_type: str | None = None
    string_value: str | None = None
    binary_value: bytes | None = None
    string_list_values: Annotated[list[str], listed("StringListValue", LISTS)] | None = None
    binary_list_values: Annotated[list[bytes], listed("BinaryListValue", LISTS)] | None = None


AttributeMap = Annotated[
    dict[str, AttributeValue],
    mapped(
        "Name",
        "Value",
        "MessageAttribute",
        limits=f"at most {limits.MESSAGE_ATTRIBUTES}; names of 1 to {_LONGEST_NAME} letters, digits, `_`, `-`, `.`",
    ),
]
SystemAttributeMap = Annotated[
    dict[str, AttributeValue], mapped("Name", "Value", "MessageSystemAttribute", limits="only AWSTraceHeader")
]


def is_text(value: str) -> bool:
    """Return whether every character of the text is allowed in XML."""
    return first_not_in_sqs(value) is None


def body(text: str | None) -> bytes:
    """Return the bytes of a message body. Raises SqsError MissingParameter, InvalidMessageContents."""
    if not text:
        raise missing("MessageBody")
    bad = first_not_in_sqs(text)
    if bad:
        raise SqsError("InvalidMessageContents", _not_allowed(bad, "message body"))
    return text.encode()


def _not_allowed(character: str, where: str) -> str:
    """Return AWS's text, which names the first character that is not allowed."""
    return (
        f"Invalid binary character '#x{ord(character):X}' was found in the {where}, the set of allowed characters is "
        "#x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."
    )


def attributes(given: Mapping[str, AttributeValue]) -> tuple[Attribute, ...]:
    """Check and convert message attributes. Raises SqsError InvalidParameterValue, UnsupportedOperation."""
    if len(given) > limits.MESSAGE_ATTRIBUTES:
        allowed = f"the allowed maximum [{limits.MESSAGE_ATTRIBUTES}]"
        reason = f"Number of message attributes [{len(given)}] exceeds {allowed}."
        raise SqsError("InvalidParameterValue", reason)
    return tuple(_attribute(name, value, "user") for name, value in given.items())


def _attribute(name: str, value: AttributeValue, category: str) -> Attribute:
    _check_name(name, category)
    if value.string_list_values or value.binary_list_values:
        # The service model reserves these members. The store cannot keep them, so they are refused.
        raise SqsError(
            "UnsupportedOperation", "Message attribute list values in SendMessage operation are not supported."
        )
    kind = value.data_type
    if not kind:
        lacking = "value" if value.string_value is None and value.binary_value is None else "type"
        reason = f"The message ({category}) attribute '{name}' must contain a non-empty message attribute {lacking}."
        raise SqsError("InvalidParameterValue", reason)
    if len(kind) > _LONGEST_NAME:
        reason = f"Message ({category}) attribute type must be shorter than {_LONGEST_NAME} bytes."
        raise SqsError("InvalidParameterValue", reason)
    found = _TYPE.match(kind)
    if found is None:
        raise SqsError(
            "InvalidParameterValue",
            f"The type of message ({category}) attribute '{name}' is invalid. "
            "You must use only the following supported type prefixes: Binary, Number, String.",
        )
    if found[1] == "Binary":
        content = value.binary_value
    else:
        bad = first_not_in_sqs(value.string_value or "")
        if bad:
            where = f"message ({category}) attribute '{name}' value"
            raise SqsError("InvalidParameterValue", _not_allowed(bad, where))
        content = value.string_value.encode() if value.string_value is not None else None
    if not content:
        reason = f"Message ({category}) attribute '{name}' must contain a non-empty value of type '{found[1]}'."
        raise SqsError("InvalidParameterValue", reason)
    if found[1] == "Number":
        _check_number(name, value.string_value or "")
    return Attribute(name, kind, content)


def _check_name(name: str, category: str) -> None:
    if _NAME.match(name) and not _RESERVED.match(name) and name[0] != "." and name[-1] != "." and ".." not in name:
        return
    if not name:
        reason = f"The request must contain non-empty message ({category}) attribute names."
    elif len(name) > _LONGEST_NAME:
        reason = f"Message ({category}) attribute name must be shorter than {_LONGEST_NAME} bytes."
    elif _RESERVED.match(name):
        reason = (
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
            "These strings are reserved for internal use."
        )
    else:
        reason = f"Message ({category}) attribute name '{name}' is invalid."
    raise SqsError("InvalidParameterValue", reason)


def _check_number(name: str, text: str) -> None:
    try:
        float(text)
        is_number = text.isascii() and "_" not in text and not text.lower().lstrip("+-").startswith(("inf", "nan"))
    except ValueError:
        is_number = False
    if not is_number:
        reason = f"Can't cast the value of message (user) attribute '{name}' to a number."
        raise SqsError("InvalidParameterValue", reason)


def system_attributes(given: Mapping[str, AttributeValue], trace_header: str | None) -> tuple[Attribute, ...]:
    """Check and convert message system attributes, of which AWSTraceHeader is the only one.

    ``trace_header`` is the header of the request; it is used if the attribute is absent. Raises SqsError
    InvalidParameterValue.
    """
    for name in given:
        if name != TRACE_HEADER:
            raise SqsError(
                "InvalidParameterValue", f"Message system attribute name '{name[:_LONGEST_NAME]}' is invalid."
            )
    if given:
        found = _attribute(TRACE_HEADER, given[TRACE_HEADER], "system")
        if found.data_type != "String":
            reason = f"The message system attribute '{TRACE_HEADER}' must be of the type String."
            raise SqsError("InvalidParameterValue", reason)
        return (found,)
    if trace_header and is_text(trace_header):
        return (Attribute(TRACE_HEADER, "String", trace_header.encode()),)
    return ()


def size(message_body: bytes, found: tuple[Attribute, ...]) -> int:
    """Return the size by SQS's rule: the body plus the name, type and value of each attribute."""
    return len(message_body) + sum(len(a.name.encode()) + len(a.data_type.encode()) + len(a.value) for a in found)


def check_identifier(value: str, parameter: str) -> None:
    """Check a MessageGroupId, MessageDeduplicationId or ReceiveRequestAttemptId.

    Raises SqsError InvalidParameterValue.
    """
    if not _IDENTIFIER.match(value):
        length = f"1 to {limits.IDENTIFIER_CHARACTERS} in length."
        reason = f"{parameter} can only include alphanumeric and punctuation characters. {length}"
        raise invalid(value, parameter, reason)


def shown(found: tuple[Attribute, ...]) -> dict[str, AttributeValue]:
    """Convert attributes to the form of responses."""
    return {
        one.name: AttributeValue(data_type=one.data_type, binary_value=one.value)
        if one.data_type.startswith("Binary")
        else AttributeValue(data_type=one.data_type, string_value=one.value.decode())
        for one in found
    }


def check_tags(tags: Mapping[str, str], queue_name: str) -> None:
    """Check the complete set of tags of a queue. Raises SqsError InvalidParameterValue."""
    if len(tags) > limits.TAGS:
        raise SqsError("InvalidParameterValue", f"Too many tags added for queue {queue_name}.")
    if not all(_KEY.least <= len(key) <= _KEY.most for key in tags):
        raise SqsError("InvalidParameterValue", TAG_KEYS)
    if not all(_VALUE.least <= len(value) <= _VALUE.most for value in tags.values()):
        raise SqsError("InvalidParameterValue", _TAG_VALUES)
    if not all(is_text(key) and is_text(value) for key, value in tags.items()):
        raise SqsError("InvalidParameterValue", "Tags contain characters outside the allowed set.")


class Selector:
    """Select attributes by name, by prefix (``foo.*``), or all (``All``, ``*``, ``.*``)."""

    __slots__ = ("_names", "_prefixes")

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        if self._names.isdisjoint(("All", "*", ".*")):
            self._prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
        else:
            self._prefixes = ("",)

    def of(self, found: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
        """Return the selected ones of these attributes, in their order."""
        return tuple(one for one in found if one.name in self._names or one.name.startswith(self._prefixes))
