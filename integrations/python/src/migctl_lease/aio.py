# SPDX-License-Identifier: Apache-2.0
"""The same for asyncio: calls of the daemon run in threads, and a task that is cancelled while it waits withdraws its request."""

import asyncio
import contextlib
import functools
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, AsyncIterator, Callable, Optional, TypeVar

from .client import Client, Wishes
from .instance import Instance

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")


async def _in_thread(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work)


@contextlib.asynccontextmanager
async def lease(*, client: Optional[Client] = None, machine: Optional[str] = None, **wishes: "Unpack[Wishes]") -> AsyncIterator[Instance]:
    """`async with lease(profile="1g.10gb", wait="10m") as instance`; the other parameters are those of Client.acquire()."""
    # Threads of its own: a request that waits must not take those that others of the program need.
    pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="migctl-lease")
    try:
        asked = client if client is not None else await _in_thread(pool, functools.partial(Client, machine=machine))
        key = wishes.get("key") or secrets.token_hex(16)
        wishes["key"] = key
        waiting = asyncio.ensure_future(_in_thread(pool, functools.partial(asked.acquire, **wishes)))
        try:
            instance = await asyncio.shield(waiting)
        except asyncio.CancelledError:
            await asyncio.shield(_in_thread(pool, functools.partial(asked.withdraw, key)))
            waiting.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen: it was withdrawn
            raise
        try:
            yield instance
        finally:
            await asyncio.shield(_in_thread(pool, functools.partial(instance.__exit__, None, None, None)))
    finally:
        pool.shutdown(wait=False)
