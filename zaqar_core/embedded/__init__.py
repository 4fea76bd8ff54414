"""A private Valkey for services that have no server of their own: started, or shared with who started it."""

from zaqar_core.embedded.attachment import Embedded, attach
from zaqar_core.embedded.folder import EmbeddedError

__all__ = ["Embedded", "EmbeddedError", "attach"]
