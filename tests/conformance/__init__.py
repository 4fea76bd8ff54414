"""Zaqar's own published functional tests, run over HTTP against this service.

They come from the wheels on PyPI, each in an environment of its own, and are run as they are:

    SQS_FACADE_CONFORMANCE=<folder to keep the environments in> pytest tests/conformance
"""
