"""What boto3 and aiobotocore have from botocore: names of methods and errors, and signed URLs."""

from __future__ import annotations

import os
import re

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import steps

REGION = os.environ["AWS_DEFAULT_REGION"]


def method(operation: str) -> str:
    """Return the name of an operation's method."""
    return re.sub("(?!^)([A-Z])", r"_\1", operation).lower()


def refused(error: botocore.exceptions.ClientError) -> steps.Refused:
    """Convert an error: its name is that of the class, and the code where it has none of its own."""
    is_class = type(error) is not botocore.exceptions.ClientError
    return steps.Refused(type(error).__name__ if is_class else error.response["Error"]["Code"], str(error))


def presigned(url: str) -> str:
    """Sign a GET of the URL in its query."""
    request = botocore.awsrequest.AWSRequest("GET", url)
    key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    found = botocore.credentials.Credentials(key, secret)
    botocore.auth.SigV4QueryAuth(found, "sqs", REGION, expires=60).add_auth(request)
    return str(request.url)
