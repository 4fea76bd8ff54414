"""The two protocols of SQS: AWS JSON 1.0, and the query protocol with its forms and XML."""

from __future__ import annotations

from typing import Literal

Protocol = Literal["json", "query"]
