"""Bounds and defaults that hold in the core, each with its unit and source."""

from __future__ import annotations

import re

#: SQS: largest message, and the default of MaximumMessageSize (AWS, since August 2025).
MESSAGE_BYTES = 1_048_576
#: SQS: MessageRetentionPeriod when a queue was made by SQS and never told.
SQS_RETENTION_SECONDS = 345_600
#: Finds a character that no SQS text can hold (SendMessage, "Valid characters"; they are XML 1.0's).
NOT_IN_SQS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
