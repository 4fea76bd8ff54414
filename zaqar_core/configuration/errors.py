"""The error of the configuration."""

from __future__ import annotations


class SettingsInvalid(Exception):
    """The settings are not valid. ``problems`` are lines for the operator without secrets.

    ``setting`` is set on a single problem whose line does not name the source of the setting yet.
    """

    def __init__(self, *problems: str, setting: str = "") -> None:
        super().__init__(*problems)
        self.problems = problems
        self.setting = setting

    def __str__(self) -> str:
        text = "\n".join(self.problems)
        return f"{self.setting}: {text}" if self.setting else text
