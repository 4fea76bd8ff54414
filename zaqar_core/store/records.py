"""The bytes of a message's record and of its state in the store.

A record is immutable. It consists of, in this order:

- time of the send in ms, 13 digits, written by the function in the store; 8 random bytes; flags, 1 byte;
- own ttl in seconds, 8 digits, if OWN_TTL (also written by the function, which may use the queue's default);
- the group's id, 8 bytes, if GROUP;
- Client-ID, 16 bytes, if CLIENT;
- length of extras, 4 bytes, and extras, MessagePack, if EXTRAS;
- body; if ENCRYPTED, a sealed text of: length of the sender's extras, these extras, body. The extras outside of it then
  have only fields that a move to another queue added; they take precedence.

A sealed text is bound to the project, the random bytes, the Client-ID and the flag JSON of its record. A move to a
dead-letter queue changes none of them, so it needs no key.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from zaqar_core.domain.model import Attribute, NewMessage

CLIENT, OWN_TTL, JSON, EXTRAS, MOVED, GROUP, ENCRYPTED = 1, 2, 4, 8, 16, 32, 64

#: Seals or opens a text; the second argument is the binding.
Cipher = Callable[[bytes, bytes], bytes]

#: A FIFO message without a deduplication id. Clients see the SHA-256 of its body (SQS) or its own id (Zaqar).
NOT_GIVEN = ""

_SENT_BYTES = 13
_NONCE_END = 21
#: Offset of the flags in a whole record.
FLAGS_AT = 21


class Extras(msgspec.Struct, array_like=True, omit_defaults=True):
    """Optional parts of a record. ``origin_id`` and ``source`` are set on messages moved from another queue."""

    sender: str | None = None
    group: str | None = None
    dedup_id: str | None = None
    attributes: tuple[tuple[str, str, bytes], ...] = ()
    system_attributes: tuple[tuple[str, str, bytes], ...] = ()
    origin_id: bytes | None = None
    source: tuple[str, str, str] | None = None


class Record(msgspec.Struct):
    """An unpacked record. With the flag ENCRYPTED the body and most extras are sealed: see :func:`opened`."""

    sent_ms: int
    random: bytes
    flags: int
    ttl_seconds: int | None
    gid: bytes | None
    client_id: bytes | None
    extras: Extras
    body: bytes


_encode_extras = msgspec.msgpack.Encoder().encode
_decode_extras = msgspec.msgpack.Decoder(Extras).decode
_PLAIN = Extras()


def pack(
    message: NewMessage,
    *,
    random: bytes,
    own_ttl: bool,
    gid: bytes = b"",
    seal: Cipher | None = None,
    project: str = "",
) -> bytes:
    """Encode a record without send time and own ttl, which the store's function adds. ``project`` binds the seal."""
    flags = JSON if message.kind == "json" else 0
    if own_ttl:
        flags |= OWN_TTL
    if gid:
        flags |= GROUP
    client = message.client_id or b""
    if client:
        flags |= CLIENT
    if seal is not None:
        bound_to = _binding(project, random, flags, client)
        extras = _extras(message)
        text = b"%b%b%b" % (len(extras).to_bytes(4), extras, message.body)
        return b"%b%c%b%b%b" % (random, flags | ENCRYPTED, gid, client, seal(text, bound_to))
    client = gid + client
    if message.sender or gid or message.dedup_id or message.attributes or message.system_attributes:
        extras = _extras(message)
        return b"%b%c%b%b%b%b" % (random, flags | EXTRAS, client, len(extras).to_bytes(4), extras, message.body)
    return b"%b%c%b%b" % (random, flags, client, message.body)


def _extras(message: NewMessage) -> bytes:
    return _encode_extras(
        Extras(
            message.sender,
            message.group,
            message.dedup_id,
            tuple((a.name, a.data_type, a.value) for a in message.attributes),
            tuple((a.name, a.data_type, a.value) for a in message.system_attributes),
        )
    )


def _binding(project: str, random: bytes, flags: int, client_id: bytes) -> bytes:
    return b"%b%c%b%b" % (random, flags & JSON, client_id.ljust(16, b"\0"), project.encode())


def opened(parts: Record, project: str, unseal: Cipher) -> Record:
    """Return the record with decrypted body and extras. Raises what ``unseal`` raises."""
    if not parts.flags & ENCRYPTED:
        return parts
    text = unseal(parts.body, _binding(project, parts.random, parts.flags, parts.client_id or b""))
    end = 4 + int.from_bytes(text[:4])
    given, added = _decode_extras(text[4:end]), parts.extras
    if added.dedup_id is not None:
        given.dedup_id = added.dedup_id
    given.origin_id, given.source = added.origin_id, added.source
    return Record(
        parts.sent_ms,
        parts.random,
        parts.flags & ~ENCRYPTED,
        parts.ttl_seconds,
        parts.gid,
        parts.client_id,
        given,
        text[end:],
    )


def unpack(record: bytes) -> Record:
    """Decode a whole record; a sealed text stays sealed."""
    flags = record[FLAGS_AT]
    at = FLAGS_AT + 1
    ttl: int | None = None
    gid: bytes | None = None
    client: bytes | None = None
    extras = _PLAIN
    if flags & OWN_TTL:
        ttl = int(record[at : at + 8])
        at += 8
    if flags & GROUP:
        gid = record[at : at + 8]
        at += 8
    if flags & CLIENT:
        client = record[at : at + 16]
        at += 16
    if flags & EXTRAS:
        end = at + 4 + int.from_bytes(record[at : at + 4])
        extras = _decode_extras(record[at + 4 : end])
        at = end
    return Record(
        int(record[:_SENT_BYTES]), record[_SENT_BYTES:_NONCE_END], flags, ttl, gid, client, extras, record[at:]
    )


def moved(
    record: bytes,
    *,
    origin_id: bytes,
    source: tuple[str, str, str],
    own_ttl: bool,
    gid: bytes = b"",
    dedup_id: str | None = None,
) -> bytes:
    """Encode the record of a dead letter for its new queue, without send time and own ttl as :func:`pack`.

    ``gid`` and ``dedup_id``, where given, replace its own.
    """
    parts = unpack(record)
    gid = gid or parts.gid or b""
    given = parts.extras.dedup_id if dedup_id is None else dedup_id
    extras = msgspec.structs.replace(parts.extras, origin_id=origin_id, source=source, dedup_id=given)
    packed = _encode_extras(extras)
    flags = (parts.flags & ~OWN_TTL) | EXTRAS | MOVED | (OWN_TTL if own_ttl else 0) | (GROUP if gid else 0)
    return b"%b%c%b%b%b%b%b" % (
        parts.random, flags, gid, parts.client_id or b"", len(packed).to_bytes(4), packed, parts.body,
    )  # fmt: skip


def renewed(parts: Record, *, gid: bytes = b"", seal: Cipher | None = None, project: str = "") -> bytes:
    """Encode a new message with the content of an opened record, without send time as :func:`pack`."""
    extras = parts.extras
    message = NewMessage(
        parts.body,
        "json" if parts.flags & JSON else "text",
        attributes(extras.attributes),
        attributes(extras.system_attributes),
        client_id=parts.client_id,
        sender=extras.sender,
        group=extras.group,
        dedup_id=extras.dedup_id,
    )
    return pack(message, random=os.urandom(8), own_ttl=False, gid=gid or parts.gid or b"", seal=seal, project=project)


def attributes(packed: tuple[tuple[str, str, bytes], ...]) -> tuple[Attribute, ...]:
    """Convert attributes of the extras to those of the model."""
    return tuple([Attribute(*one) for one in packed]) if packed else ()


class State(msgspec.Struct, array_like=True):
    """The mutable state of a message that was received, as in Q:s (see ``keys``). Ids are hex; "" and 0 mean none."""

    nonce: str = ""
    count: int = 0
    first_ms: int = 0
    claim: str = ""
    ttl_seconds: int = 0
    flags: int = 0


_FRESH = State()
_decode_state = msgspec.msgpack.Decoder(State).decode


def state(packed: bytes | None) -> State:
    """Decode a state; a message that was never received has a state of zeros."""
    return _decode_state(packed) if packed else _FRESH


class Subscribed(msgspec.Struct, array_like=True):
    """A subscription as in Q:u (see ``keys``)."""

    subscriber: str
    options: str
    ttl_seconds: int
    created_ms: int
    is_confirmed: int
    since: int


subscription = msgspec.msgpack.Decoder(Subscribed).decode
