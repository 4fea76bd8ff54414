"""The file with [keystone_authtoken] that all OpenStack services have (extra ``keystone``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
