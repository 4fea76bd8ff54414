"""What tests may do to a running service: move its time, empty it, disturb it, watch it. Only where test hooks are on:
otherwise none of this is built, and no request pays for it."""

from zaqar_core.web.hooks.face import PATH, AbsentFace, HooksFace
from zaqar_core.web.hooks.session import HookedPooledSession, HookedSession
from zaqar_core.web.hooks.switches import Switches

__all__ = ["PATH", "AbsentFace", "HookedPooledSession", "HookedSession", "HooksFace", "Switches"]
