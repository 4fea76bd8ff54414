"""Traces by OpenTelemetry, with the extra ``tracing`` and the setting ``tracing``. See docs/logging.md.

Importing this package loads nothing of OpenTelemetry: only ``provider`` does, when it is set up.
"""
