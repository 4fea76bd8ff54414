"""The versions of the API: one row each. Handlers ask the row, never the version's number."""

from __future__ import annotations

from dataclasses import dataclass

from zaqar_core.configuration.settings import Settings


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version. ``prefix`` begins every path, href and Location of it; ``updated`` is ISO 8601."""

    id: str
    prefix: str
    status: str
    updated: str
    media_type: str
    #: Every request names its client and its project. Otherwise only reading and posting of messages needs a client,
    #: and a request without a project is one of the project without a name.
    needs_names: bool = True
    #: A queue is made by the first post and reads as an empty one before. Otherwise it is not found.
    is_lazy: bool = True
    #: Metadata stands in the queue's own document, and is given when it is made.
    shows_metadata: bool = True
    #: Reserved attributes are shown with their defaults; a listing filters by name and metadata, and counts.
    has_attributes: bool = True
    #: Messages have ids and checksums, and come in an object. Otherwise they stand in a bare array.
    shows_ids: bool = True
    #: What is empty is an empty document. Otherwise it is 204.
    shows_empty: bool = True
    #: Messages and claims have default lives. Otherwise ttl and grace must be given.
    has_defaults: bool = True
    #: Messages may be delayed one by one, and listed before their time.
    has_delays: bool = True
    #: Answers say where their content is from (Content-Location).
    names_content: bool = False
    #: Between the words of a relation's name in the home document.
    relation_hyphen: str = "_"


V1 = Dialect(
    id="1",
    prefix="/v1",
    status="DEPRECATED",
    updated="2014-9-11T17:47:05Z",
    media_type="application/vnd.openstack.messaging-v1+json",
    needs_names=False,
    is_lazy=False,
    shows_metadata=False,
    has_attributes=False,
    shows_ids=False,
    shows_empty=False,
    has_defaults=False,
    has_delays=False,
    names_content=True,
    relation_hyphen="-",
)
V1_1 = Dialect(
    id="1.1",
    prefix="/v1.1",
    status="DEPRECATED",
    updated="2016-7-29T02:22:47Z",
    media_type="application/vnd.openstack.messaging-v1_1+json",
    has_attributes=False,
    has_delays=False,
)
V2 = Dialect(
    id="2",
    prefix="/v2",
    status="CURRENT",
    updated="2014-9-24T04:06:47Z",
    media_type="application/vnd.openstack.messaging-v2+json",
)

#: All versions there are, oldest first.
DIALECTS = (V1, V1_1, V2)


def enabled(settings: Settings) -> tuple[Dialect, ...]:
    """The versions that are served, oldest first."""
    wanted = {V2.id, *settings.enable_deprecated_api_versions}
    return tuple(dialect for dialect in DIALECTS if dialect.id in wanted)
