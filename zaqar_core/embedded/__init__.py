"""A private Valkey for services without a server of their own. Services on one data directory share it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zaqar_core.embedded import capacity as capacities
from zaqar_core.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from zaqar_core.embedded.attachment import Embedded

__all__ = ["EmbeddedError", "attach"]


def attach(
    directory: Path | None,
    *,
    durability: str,
    ephemeral: bool,
    store_memory: int | str = 0,
    store_disk_reserve: int | str = "16M",
) -> Embedded:
    """Use the Valkey of a data directory: see attachment.attach, and the settings of these names.

    Raises EmbeddedError.
    """
    try:
        from zaqar_core.embedded import attachment
    except ModuleNotFoundError as missing:
        if missing.name != "fcntl":  # Windows lacks it; with --redis everything else works there
            raise
        raise EmbeddedError("the embedded Valkey does not run on this system: give --redis URL") from None
    capacity = capacities.of(store_memory, store_disk_reserve)
    return attachment.attach(directory, durability=durability, ephemeral=ephemeral, capacity=capacity)
