"""Zaqar behind a real OpenStack Keystone, which is installed in an environment of its own:

SQS_FACADE_KEYSTONE=1 pytest tests/keystone              # installs it for this run
SQS_FACADE_KEYSTONE=<folder> pytest tests/keystone       # keeps it in the folder for the next one
"""
