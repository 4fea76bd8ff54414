"""The WebSocket transport: a real process, real connections, a real store."""
