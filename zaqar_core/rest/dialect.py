"""The versions of the API, one row each. Handlers read the row and never compare the version's number."""

from __future__ import annotations

from dataclasses import dataclass

from zaqar_core.configuration.settings import Settings


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version. Each of its paths, hrefs and Locations begins with ``prefix``; ``updated`` is ISO 8601."""

    id: str
    prefix: str
    status: str
    updated: str
    media_type: str
    #: Whether every request must name its client and its project. Otherwise only posting and listing messages require
    #: a client, and a request without a project belongs to the project without a name.
    needs_names: bool = True
    #: Whether the first post creates a queue, which reads as an empty one before. Otherwise a missing queue is 404.
    is_lazy: bool = True
    #: Whether the queue's own document is its metadata, which is given at its creation.
    shows_metadata: bool = True
    #: Whether reserved attributes are shown with their defaults, and listings filter by name and metadata, and count.
    has_attributes: bool = True
    #: Whether messages have ids and checksums and are listed in an object. Otherwise they are listed in a bare array.
    shows_ids: bool = True
    #: Whether an empty result is an empty document. Otherwise it is 204.
    shows_empty: bool = True
    #: Whether ttl and grace of messages and claims have defaults. Otherwise requests must contain them.
    has_defaults: bool = True
    #: Whether messages may have a delay of their own, and delayed ones can be listed.
    has_delays: bool = True
    #: Whether replies to GET have Content-Location.
    names_content: bool = False
    #: Separator of the words of a relation's name in the home document.
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

#: All versions, oldest first.
DIALECTS = (V1, V1_1, V2)


def enabled(settings: Settings) -> tuple[Dialect, ...]:
    """Return the versions that are served, oldest first."""
    wanted = {V2.id, *settings.enable_deprecated_api_versions}
    return tuple(dialect for dialect in DIALECTS if dialect.id in wanted)
