"""A queue that serves shares in turn, so that one with many items does not delay the others."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

from zaqar_core.web.envelope import Share

T = TypeVar("T")


class _Account(Generic[T]):
    """The items of one account. ``longest`` names the queue with the most items, as far as is known."""

    __slots__ = ("count", "longest", "queues")

    def __init__(self) -> None:
        self.queues: OrderedDict[str, deque[T]] = OrderedDict()
        self.count = 0
        self.longest = ""

    def length(self, name: str) -> int:
        """Return the number of items of a queue."""
        queue = self.queues.get(name)
        return len(queue) if queue else 0

    def note(self, name: str) -> None:
        """Take note of a queue that may be the longest."""
        if self.length(name) > self.length(self.longest):
            self.longest = name


class FairQueue(Generic[T]):
    """Items in turns: one of each account, within an account one of each queue; of one queue the oldest first.

    Every method takes the same time for any number of items.
    """

    __slots__ = ("_accounts", "_count", "_greatest")

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, _Account[T]] = OrderedDict()
        self._count = 0
        #: The account with the most items, as far as is known.
        self._greatest: _Account[T] = _Account()

    def __len__(self) -> int:
        return self._count

    def add(self, share: Share, item: T) -> None:
        """Append an item to its share."""
        account = self._accounts.get(share.account)
        if account is None:
            account = self._accounts[share.account] = _Account()
        queue = account.queues.get(share.queue)
        if queue is None:
            queue = account.queues[share.queue] = deque()
        queue.append(item)
        account.count += 1
        self._count += 1
        account.note(share.queue)
        self._note(account)

    def take(self) -> T:
        """Remove the next item and return it. The queue must not be empty."""
        account_name, account = self._accounts.popitem(last=False)
        queue_name, queue = account.queues.popitem(last=False)
        item = queue.popleft()
        if queue:
            account.queues[queue_name] = queue
        account.count -= 1
        if account.count:
            self._accounts[account_name] = account
        self._count -= 1
        return item

    def make_room(self, share: Share) -> T | None:
        """Remove the newest item of a share that has more items than this one, and return it. None if none has."""
        account = self._accounts.get(share.account) or _Account()
        self._note(account)
        greatest = self._greatest
        if greatest is not account:
            return self._drop(greatest) if greatest.count > account.count + 1 else None
        account.note(share.queue)
        if account.length(account.longest) > account.length(share.queue) + 1:
            return self._drop(account)
        return None

    def _note(self, account: _Account[T]) -> None:
        if account.count > self._greatest.count:
            self._greatest = account

    def _drop(self, account: _Account[T]) -> T:
        """Remove the newest item of the longest queue of an account, which has others too."""
        name = account.longest if account.longest in account.queues else next(reversed(account.queues))
        queue = account.queues[name]
        item = queue.pop()
        if not queue:
            del account.queues[name]
        account.count -= 1
        self._count -= 1
        return item
