"""Zaqar's own published tests, run over HTTP against this service: the functional ones, and the unit tests of v2.

They come from the wheels on PyPI, each in an environment of its own, and are run as they are:

    SQS_FACADE_CONFORMANCE=<folder to keep the environments in> pytest tests/conformance
"""
