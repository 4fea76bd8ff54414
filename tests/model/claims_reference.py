"""What Zaqar's claims do with messages, as plainly as it can be written. Times are whole seconds since the start."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Message:
    """``free_at`` is when its delay, or the lease of its ``claim``, ends; a claim that lapsed is still its last one."""

    id: str
    body: int
    client: str
    born: int
    ttl: int
    ends: int
    free_at: int = 0
    claim: str | None = None
    count: int = 0

    def lengthen(self, now: int, ttl: int, grace: int) -> None:
        """The claim keeps it alive, and the grace after it."""
        if self.ends <= now + ttl:
            self.ends, self.ttl = now + ttl + grace, ttl + grace


@dataclass
class Claim:
    made: int
    ttl: int

    @property
    def ends(self) -> int:
        return self.made + self.ttl


@dataclass
class Rule:
    """Of the queue that messages are posted to. ``most`` None: no dead letters; ``dead_ttl`` None: they keep theirs."""

    delay: int = 0
    most: int | None = None
    dead_ttl: int | None = None


@dataclass
class Reference:
    """One queue and its dead letters."""

    rule: Rule
    now: int = 0
    live: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)

    def forget(self) -> None:
        """Whose life has ended is gone."""
        self.live = [message for message in self.live if message.ends > self.now]
        self.dead = [message for message in self.dead if message.ends > self.now]

    def is_held(self, message: Message) -> bool:
        return message.claim is not None and message.free_at > self.now

    def is_free(self, message: Message) -> bool:
        return message.free_at <= self.now

    def post(self, message_id: str, body: int, client: str, ttl: int, delay: int | None) -> None:
        later = (self.rule.delay if delay is None else delay) if self.rule.delay else 0
        message = Message(message_id, body, client, self.now, ttl, self.now + ttl)
        message.free_at = self.now + later
        self.live.append(message)

    def take(self, limit: int) -> list[Message]:
        """The oldest free ones, each counted. What was taken often enough is a dead letter instead."""
        taken: list[Message] = []
        for message in [message for message in self.live if self.is_free(message)]:
            if len(taken) == limit:
                break
            if self.rule.most is not None and message.count >= self.rule.most:
                self.move_to_dead_letters(message)
                continue
            message.count += 1
            taken.append(message)
        return taken

    def move_to_dead_letters(self, message: Message) -> None:
        self.live.remove(message)
        message.claim, message.free_at = None, 0
        if self.rule.dead_ttl is not None:
            message.ttl, message.ends = self.rule.dead_ttl, self.now + self.rule.dead_ttl
        self.dead.append(message)

    def hold(self, claim_id: str, messages: list[Message], ttl: int, grace: int) -> None:
        """The claim, new or renewed, holds these until its end."""
        self.claims[claim_id] = Claim(self.now, ttl)
        for message in messages:
            message.claim, message.free_at = claim_id, self.now + ttl
            message.lengthen(self.now, ttl, grace)

    def is_live(self, claim_id: str) -> bool:
        return claim_id in self.claims and self.claims[claim_id].ends > self.now

    def held_by(self, claim_id: str) -> list[Message]:
        return [message for message in self.live if message.claim == claim_id and self.is_held(message)]

    def deletion(self, message: Message, claim_id: str | None) -> int:
        """The status of a deletion by its id, which is done where that is 204."""
        if message not in self.live:
            return 204
        if claim_id is None:
            status = 403 if self.is_held(message) else 204
        elif message.claim == claim_id:
            status = 204
        else:
            status = 403 if self.is_held(message) and self.is_live(claim_id) else 400
        if status == 204:
            self.live.remove(message)
        return status

    def release(self, claim_id: str) -> None:
        for message in self.held_by(claim_id):
            message.claim, message.free_at = None, 0
        self.claims.pop(claim_id, None)
