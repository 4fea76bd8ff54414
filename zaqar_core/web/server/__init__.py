"""The HTTP/1 server of ``sqs-facade serve``: one event loop in each worker process, one task for each request."""
