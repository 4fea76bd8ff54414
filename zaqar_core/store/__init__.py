"""The store: the only package that uses Redis or Valkey."""

from zaqar_core.store.scripts import OTHER_POLICY, Compiled, Script, script
from zaqar_core.store.single_server import ScriptFailed, Store

__all__ = ["OTHER_POLICY", "Compiled", "Script", "ScriptFailed", "Store", "script"]
