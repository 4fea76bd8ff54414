"""The console at ``/console``: pages for browsers, and the API below ``/console/api`` that these pages call.

The API runs the operations of SQS and functions of the core, with the same rights. The pages are static files in
``static``: they are served as they are in the repository.
"""
