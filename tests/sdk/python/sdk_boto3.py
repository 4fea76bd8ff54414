"""The steps with boto3, of today or of 2023 (query protocol)."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

warnings.simplefilter("ignore")

import boto3  # noqa: E402 - an old botocore warns when it is imported
import botocore.exceptions  # noqa: E402
import of_botocore  # noqa: E402
import steps  # noqa: E402


class Boto3:
    """One client, called in threads."""

    def __init__(self, **credentials: str) -> None:
        region = of_botocore.REGION
        self._client = boto3.client("sqs", endpoint_url=steps.ENDPOINT, region_name=region, **credentials)

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        try:
            return dict(await asyncio.to_thread(getattr(self._client, of_botocore.method(operation)), **members))
        except botocore.exceptions.ClientError as error:
            raise of_botocore.refused(error) from None

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
        return str(of_botocore.presigned(url))


if __name__ == "__main__":
    asyncio.run(steps.run(Boto3(), {"boto3": boto3.__version__}))
