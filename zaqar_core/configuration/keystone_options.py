"""The file with [keystone_authtoken] that all OpenStack services have (extra ``keystone``)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from zaqar_core.configuration.settings import SettingsInvalid

#: Section of the configuration file.
SECTION = "keystone_authtoken"
#: How long Keystone may take where the configuration names no ``http_connect_timeout``.
TIMEOUT_SECONDS = 10


def read(file: Path) -> Any:
    """The options of that file, as an oslo ConfigOpts. Raises oslo_config.cfg.Error."""
    from keystonemiddleware.auth_token import list_opts
    from oslo_config import cfg

    options = cfg.ConfigOpts()
    options([], project="zaqar", default_config_files=[str(file)], default_config_dirs=[])
    for group, known in list_opts():
        options.register_opts(known, group=group)
    return options


def unreadable(file: Path, problem: Exception) -> SettingsInvalid:
    """The error for a line that oslo.config cannot read, with its number.

    The library quotes the line, which may be the one with the password: it is left out.
    """
    line = re.search(r":(\d+),", str(problem))
    place = f"{file}:{line[1]}" if line else str(file)
    return SettingsInvalid(f"{place} is not NAME = VALUE, [SECTION] or a comment")
