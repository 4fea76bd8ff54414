"""Bounds and defaults that hold in the core, each with its unit and source."""

from __future__ import annotations

#: SQS: largest message, and the default of MaximumMessageSize (AWS, since August 2025).
MESSAGE_BYTES = 1_048_576
#: SQS: MessageRetentionPeriod when a queue was made by SQS and never told.
SQS_RETENTION_SECONDS = 345_600
