"""Types of settings: bounds, units and what error messages say about allowed values."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

import msgspec

from zaqar_core.configuration import public_url, sizes
from zaqar_core.configuration.setting_values import About
from zaqar_core.domain import limits

Durability = Literal["memory", "fsync", "replicated"]

AccountId = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}$"), About(allowed="12 digits")]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[
    int,
    msgspec.Meta(ge=limits.SETTABLE_SECONDS.least, le=limits.SETTABLE_SECONDS.most),
    About(unit="seconds"),
]
SecondsOrNone = Annotated[int, msgspec.Meta(ge=0, le=limits.SETTABLE_SECONDS.most), About(unit="seconds")]
Duration = Annotated[float, msgspec.Meta(gt=0, le=limits.SETTABLE_SECONDS.most), About(unit="seconds")]
Bytes = Annotated[int, msgspec.Meta(ge=1), About(unit="bytes")]
Memory = Annotated[
    int | str,
    About(allowed="bytes, also with k, M or G, or a percentage such as 60%; 0: no limit", check=sizes.parse_memory),
]
Reserve = Annotated[int | str, About(allowed="bytes, also with k, M or G; 0: none", check=sizes.parse_reserve)]
Secret = Annotated[str, msgspec.Meta(min_length=1), About(is_secret=True)]
#: A project id of Zaqar, without the separators of the environment variable.
ProjectId = Annotated[
    str,
    msgspec.Meta(pattern=rf"^[^=,]{{1,{limits.PROJECT_CHARACTERS}}}$"),
    About(allowed=f"1 to {limits.PROJECT_CHARACTERS} characters without comma and ="),
]
PageSize = Annotated[int, msgspec.Meta(ge=limits.SETTABLE_PAGE.least, le=limits.SETTABLE_PAGE.most)]
#: An IP network in CIDR notation.
Network = Annotated[str, About(allowed="an IP network like 10.0.0.0/8", check=ipaddress.ip_network)]

#: The entry of ``allowed_origins`` that allows every origin.
ANY_ORIGIN = "*"
#: The Origin header of a web page; local files have ``null``.
Origin = Annotated[
    str,
    msgspec.Meta(pattern=r"^(\*|null|[A-Za-z][A-Za-z0-9+.-]*://[^/\s,?#@*]+)$"),
    About(allowed="scheme://host[:port] without a slash at its end, null or *"),
]
#: A header or method name.
Token = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"),
    About(allowed="a name of letters, digits and !#$%&'*+.^_`|~-"),
]
#: A pattern of queue names.
QueuePattern = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z0-9_.*?-]+$"),
    About(allowed="letters, digits, hyphens, underscores and dots, with * and ? for others"),
]
MetricMinutes = Annotated[int, msgspec.Meta(ge=limits.METRIC_MINUTES.least, le=limits.METRIC_MINUTES.most)]
PublicUrl = Annotated[str, About(allowed="a URL like https://queues.example.org[/base/path]", check=public_url.parse)]

ForwardedHeader = Literal[
    "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "Forwarded"
]
