"""The store: the only place that knows Redis."""

from zaqar_core.store.scripts import Compiled, Script, script
from zaqar_core.store.slots import ScriptFailed, Slots, Store

__all__ = ["Compiled", "Script", "ScriptFailed", "Slots", "Store", "script"]
