"""Event loops for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from zaqar_core import eventloop


def on_loop(*functions: Callable[[], Any]) -> list[Any]:
    """Run the functions as tasks of one loop; return their results, or exceptions, in the order they ended."""
    ended: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        over = loop.create_future()

        def collect(function: Callable[[], Any]) -> None:
            try:
                ended.append(function())
            except Exception as problem:
                ended.append(problem)
            if len(ended) == len(functions):
                over.set_result(None)

        for function in functions:
            eventloop.spawn(loop, collect, function)
        await asyncio.wait_for(over, 60)

    asyncio.run(main())
    return ended
