"""Options of [keystone_authtoken], the section that all OpenStack services have (extra ``keystone``)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from zaqar_core.configuration.errors import SettingsInvalid

#: Section of the configuration file.
SECTION = "keystone_authtoken"
#: Time-out of requests to Keystone where the file has no ``http_connect_timeout``.
TIMEOUT_SECONDS = 10


def read(file: Path) -> Any:
    """Read the options of the file into an oslo ConfigOpts. Raises oslo_config.cfg.Error."""
    from keystonemiddleware.auth_token import list_opts
    from oslo_config import cfg

    options = cfg.ConfigOpts()
    options([], project="zaqar", default_config_files=[str(file)], default_config_dirs=[])
    for group, known in list_opts():
        options.register_opts(known, group=group)
    return options


def unreadable(file: Path, problem: Exception) -> SettingsInvalid:
    """Create the error for a line that oslo.config cannot parse, with its number.

    oslo.config's own text quotes the line, which may contain a password, so it is not used.
    """
    line = re.search(r":(\d+),", str(problem))
    location = f"{file}:{line[1]}" if line else str(file)
    return SettingsInvalid(f"{location} is not NAME = VALUE, [SECTION] or a comment")
