"""Zaqar over WebSocket, in a process of its own. Frames name actions; ``rest/actions`` has their table."""
