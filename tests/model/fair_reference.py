"""What a standard queue with message groups (a fair queue) must do, whichever tenant it serves first."""

from __future__ import annotations

from tests.model.reference import Answer, Message, Queue
from tests.model.words import SettingsOf


class FairQueue(Queue):
    """A message's group is its tenant; one without a group is a tenant of its own.

    The real thing is free in one way: which tenant's oldest visible message is given next (``wishes``, numbers of
    messages, is what it chose). It never gives less than it has, nor a tenant's younger message before an older one.
    """

    def __init__(self, name: str, life: int, settings: SettingsOf) -> None:
        super().__init__(name, life, settings)
        self.wishes: list[int] = []

    def receive(self, most: int, visibility_seconds: int | None, now_ms: int) -> Answer:
        answer = Answer()
        waiting = [message for message in self.messages if self.is_visible(message, now_ms)]
        while waiting and len(answer.given) < most:
            oldest: dict[object, Message] = {}
            for message in waiting:
                oldest.setdefault(message.entry.group or message.number, message)
            message = min(oldest.values(), key=self._rank)
            waiting.remove(message)
            self.give(message, visibility_seconds, now_ms, answer)
        return answer

    def _rank(self, message: Message) -> tuple[int, int]:
        wished = self.wishes.index(message.number) if message.number in self.wishes else len(self.wishes)
        return wished, message.place
