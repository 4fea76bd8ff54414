"""The commands beside ``sqs-facade serve`` and ``websocket``: one module for each, loaded when it is run."""
