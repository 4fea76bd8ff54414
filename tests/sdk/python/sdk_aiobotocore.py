"""The steps with aiobotocore."""

from __future__ import annotations

import asyncio
from typing import Any

import aiobotocore
import aiobotocore.session
import botocore.exceptions
import of_botocore
import steps


class AioBotocore:
    """One client of an event loop."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        try:
            return dict(await getattr(self._client, of_botocore.method(operation))(**members))
        except botocore.exceptions.ClientError as error:
            raise of_botocore.refused(error) from None

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
        return str(of_botocore.presigned(url))


def _client(**credentials: str) -> Any:
    session = aiobotocore.session.get_session()
    return session.create_client("sqs", endpoint_url=steps.ENDPOINT, region_name=of_botocore.REGION, **credentials)


async def main() -> None:
    async with _client() as client:
        await steps.run(AioBotocore(client), {"aiobotocore": aiobotocore.__version__})


if __name__ == "__main__":
    asyncio.run(main())
