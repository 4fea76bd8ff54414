"""Log records as JSON lines, by python-json-logger. Loaded only where the setting ``log_format`` is json."""

from __future__ import annotations

import logging
from typing import Any

from pythonjsonlogger.orjson import OrjsonFormatter

from zaqar_core.logs.lines import fields, json_line, traceback_of


class JsonLines(OrjsonFormatter):
    """Formats a record as one line, its traceback as the field ``exception``."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Take the fields that console lines have too."""
        log_data |= fields(record)
        log_data |= {name: value for name, value in message_dict.items() if name not in ("exc_info", "stack_info")}
        if exception := traceback_of(record, self):
            log_data["exception"] = exception

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Encode the fields; control characters are escaped."""
        return json_line(log_data)[:-1].decode()
