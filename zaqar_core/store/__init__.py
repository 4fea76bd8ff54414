"""The store: the only package that uses Redis or Valkey."""

from zaqar_core.store.scripts import Compiled, Script, script
from zaqar_core.store.single_server import ScriptFailed, Store

__all__ = ["Compiled", "Script", "ScriptFailed", "Store", "script"]
