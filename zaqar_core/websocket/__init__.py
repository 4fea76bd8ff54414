"""Zaqar over WebSocket: a process of its own, whose frames name actions (``rest/actions``)."""
