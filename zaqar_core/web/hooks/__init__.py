"""Test hooks: move a running service's time, empty it, disturb it, watch it.

They wrap the service from outside. Where they are off nothing of this is built, and no request pays for it.
"""

from collections.abc import Callable
from functools import partial

from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.web.hooks.face import PATH, AbsentFace, HooksFace
from zaqar_core.web.hooks.session import HookedSession
from zaqar_core.web.hooks.switches import Switches

__all__ = ["PATH", "AbsentFace", "HooksFace", "Switches", "sessions"]


def sessions(switches: Switches | None) -> Callable[[Core], Session]:
    """The kind of sessions that a core makes: hooked ones where there are ``switches``."""
    return Session if switches is None else partial(HookedSession, switches=switches)
