"""The steps with boto3, of today or of 2023 (query protocol)."""

from __future__ import annotations

import asyncio
import os
import re
import warnings
from typing import Any

warnings.simplefilter("ignore")

import boto3  # noqa: E402 - an old botocore warns when it is imported
import botocore  # noqa: E402
import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.exceptions  # noqa: E402
import steps  # noqa: E402

REGION = os.environ["AWS_DEFAULT_REGION"]


class Boto3:
    """One client, called in threads."""

    def __init__(self, **credentials: str) -> None:
        self._client = boto3.client("sqs", endpoint_url=steps.ENDPOINT, region_name=REGION, **credentials)

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        method = re.sub("(?!^)([A-Z])", r"_\1", operation).lower()
        try:
            return dict(await asyncio.to_thread(getattr(self._client, method), **members))
        except botocore.exceptions.ClientError as error:
            is_class = type(error) is not botocore.exceptions.ClientError
            name = type(error).__name__ if is_class else error.response["Error"]["Code"]
            raise steps.Refused(name, str(error)) from None

    async def pages(self, prefix: str, size: int) -> list[str]:
        pages = self._client.get_paginator("list_queues").paginate(
            QueueNamePrefix=prefix, PaginationConfig={"PageSize": size}
        )
        return [url for page in await asyncio.to_thread(list, pages) for url in page["QueueUrls"]]

    async def refused_with(self, key: str, secret: str) -> str:
        other = Boto3(aws_access_key_id=key, aws_secret_access_key=secret)
        try:
            await other.call("ListQueues")
        except steps.Refused as error:
            return str(error.name)
        return "no error"

    def presigned(self, url: str) -> str:
        request = botocore.awsrequest.AWSRequest("GET", url)
        found = boto3.Session().get_credentials()
        botocore.auth.SigV4QueryAuth(found, "sqs", REGION, expires=60).add_auth(request)
        return str(request.url)


if __name__ == "__main__":
    asyncio.run(steps.run(Boto3(), {"boto3": boto3.__version__}))
