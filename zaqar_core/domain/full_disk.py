"""How an embedded Valkey and those who use it agree that its disk is full."""

#: The memory limit in bytes (``maxmemory``) of a Valkey whose disk is full: it refuses all that stores something.
MAXMEMORY = 1
