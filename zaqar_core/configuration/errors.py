"""The error of the configuration."""

from __future__ import annotations


class SettingsInvalid(Exception):
    """The settings are not valid. ``problems`` are lines for the operator without secrets.

    ``setting`` is set on a single problem whose line does not name the source of the setting yet. ``log_format`` is the
    value of that setting, as far as it could be read: the problems are lines of the log.
    """

    def __init__(self, *problems: str, setting: str = "", log_format: str = "console") -> None:
        super().__init__(*problems)
        self.problems = problems
        self.setting = setting
        self.log_format = log_format

    def __str__(self) -> str:
        text = "\n".join(self.problems)
        return f"{self.setting}: {text}" if self.setting else text
