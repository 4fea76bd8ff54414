"""The steps with aiobotocore."""

from __future__ import annotations

import asyncio
import os
import re
from typing import Any

import aiobotocore
import aiobotocore.session
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import steps

REGION = os.environ["AWS_DEFAULT_REGION"]


class AioBotocore:
    """One client of an event loop."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        method = re.sub("(?!^)([A-Z])", r"_\1", operation).lower()
        try:
            return dict(await getattr(self._client, method)(**members))
        except botocore.exceptions.ClientError as error:
            is_class = type(error) is not botocore.exceptions.ClientError
            name = type(error).__name__ if is_class else error.response["Error"]["Code"]
            raise steps.Refused(name, str(error)) from None

    async def pages(self, prefix: str, size: int) -> list[str]:
        pages = self._client.get_paginator("list_queues").paginate(
            QueueNamePrefix=prefix, PaginationConfig={"PageSize": size}
        )
        return [url async for page in pages for url in page["QueueUrls"]]

    async def refused_with(self, key: str, secret: str) -> str:
        async with _client(aws_access_key_id=key, aws_secret_access_key=secret) as client:
            try:
                await AioBotocore(client).call("ListQueues")
            except steps.Refused as error:
                return str(error.name)
        return "no error"

    def presigned(self, url: str) -> str:
        request = botocore.awsrequest.AWSRequest("GET", url)
        found = botocore.credentials.Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        botocore.auth.SigV4QueryAuth(found, "sqs", REGION, expires=60).add_auth(request)
        return str(request.url)


def _client(**credentials: str) -> Any:
    session = aiobotocore.session.get_session()
    return session.create_client("sqs", endpoint_url=steps.ENDPOINT, region_name=REGION, **credentials)


async def main() -> None:
    async with _client() as client:
        await steps.run(AioBotocore(client), {"aiobotocore": aiobotocore.__version__})


if __name__ == "__main__":
    asyncio.run(main())
