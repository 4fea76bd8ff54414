"""Zaqar's messages and claims are as the model has them, whatever happens in whatever order."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model.claims_reference import Message, Reference, Rule
from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.store import script

QUEUE, DEAD = "live", "dead"
PATH = f"/v2/queues/{QUEUE}"
TTLS, GRACES = st.sampled_from((60, 120, 600)), st.sampled_from((60, 200))
LIMITS, PLACES = st.integers(1, 4), st.integers(0, 30)


class ClaimsMachine(RuleBasedStateMachine):
    """All lives are tens of seconds, and time moves by tens: an example takes less, so that no end is near."""

    session: Session

    @initialize(
        delay=st.sampled_from((0, 0, 20)), most=st.sampled_from((None, 1, 2)), dead_ttl=st.sampled_from((None, 90))
    )
    def begin(self, delay: int, most: int | None, dead_ttl: int | None) -> None:
        self.zaqar = Zaqar(self.session, ZaqarFace(Settings()))
        self.other = self.zaqar.other_client()
        self.model = Reference(Rule(delay, most, dead_ttl))
        self.posted = 0
        self.all_posted: list[Message] = []
        dead_letters = {
            "_dead_letter_queue": DEAD,
            "_max_claim_count": most,
            "_dead_letter_queue_messages_ttl": dead_ttl,
        }
        wanted = {"_default_message_delay": delay, **(dead_letters if most is not None else {})}
        assert self.zaqar.call("PUT", PATH, wanted).status == 201
        assert self.zaqar.call("PUT", f"/v2/queues/{DEAD}").status == 201

    @rule(ttl=TTLS, delay=st.sampled_from((None, 0, 50)), count=LIMITS, by_other=st.booleans())
    def post(self, ttl: int, delay: int | None, count: int, by_other: bool) -> None:
        who = self.other if by_other else self.zaqar
        own = {} if delay is None else {"delay": delay}
        hrefs = who.post(QUEUE, *range(self.posted, self.posted + count), ttl=ttl, **own)
        for body, href in enumerate(hrefs, self.posted):
            self.model.post(href.rsplit("/", 1)[1], body, who.client_id, ttl, delay)
            self.all_posted.append(self.model.live[-1])
        self.posted += count

    @rule(ttl=TTLS, grace=GRACES, limit=LIMITS)
    def claim(self, ttl: int, grace: int, limit: int) -> None:
        answer = self.zaqar.call("POST", f"{PATH}/claims?limit={limit}", {"ttl": ttl, "grace": grace})
        wanted = self.model.take(limit)
        assert answer.status == (201 if wanted else 204)
        if wanted:
            self.model.hold(answer.headers["location"].rsplit("/", 1)[1], wanted, ttl, grace)
            self.check(answer.json["messages"], wanted)

    @rule(limit=LIMITS)
    def pop(self, limit: int) -> None:
        answer = self.zaqar.call("DELETE", f"{PATH}/messages?pop={limit}")
        wanted = self.model.take(limit)
        self.model.live = [message for message in self.model.live if message not in wanted]
        assert [(one["id"], one["claim_count"]) for one in answer.json["messages"]] == [(m.id, m.count) for m in wanted]

    @precondition(lambda self: self.model.claims)
    @rule(place=PLACES, ttl=TTLS, grace=GRACES)
    def renew(self, place: int, ttl: int, grace: int) -> None:
        claim_id = self.chosen_claim(place)
        is_live = self.model.is_live(claim_id)
        answer = self.zaqar.call("PATCH", f"{PATH}/claims/{claim_id}", {"ttl": ttl, "grace": grace})
        assert answer.status == (204 if is_live else 404)
        if is_live:
            self.model.hold(claim_id, self.model.held_by(claim_id), ttl, grace)

    @precondition(lambda self: self.model.claims)
    @rule(place=PLACES)
    def look_at_claim(self, place: int) -> None:
        claim_id = self.chosen_claim(place)
        answer = self.zaqar.call("GET", f"{PATH}/claims/{claim_id}")
        if not self.model.is_live(claim_id):
            assert answer.status == 404
            return
        claim = self.model.claims[claim_id]
        assert (answer.json["ttl"], answer.json["age"] // 10) == (claim.ttl, (self.model.now - claim.made) // 10)
        self.check(answer.json["messages"], self.model.held_by(claim_id))

    @precondition(lambda self: self.model.claims)
    @rule(place=PLACES)
    def release(self, place: int) -> None:
        claim_id = self.chosen_claim(place)
        assert self.zaqar.call("DELETE", f"{PATH}/claims/{claim_id}").status == 204
        self.model.release(claim_id)

    @precondition(lambda self: self.posted)
    @rule(place=PLACES, by=st.sampled_from(("nobody", "its claim", "any claim")), which=PLACES)
    def delete(self, place: int, by: str, which: int) -> None:
        """Deleted messages and ended claims too."""
        message, claim_id = self.all_posted[place % self.posted], None
        if by == "its claim":
            claim_id = message.claim
        elif by == "any claim":
            claim_id = self.chosen_claim(which) if self.model.claims else str(uuid.uuid4())
        query = "" if claim_id is None else f"?claim_id={claim_id}"
        answer = self.zaqar.call("DELETE", f"{PATH}/messages/{message.id}{query}")
        assert answer.status == self.model.deletion(message, claim_id)

    @rule()
    def purge(self) -> None:
        assert self.zaqar.call("POST", f"{PATH}/purge", {"resource_types": ["messages"]}).status == 204
        self.model.live = [message for message in self.model.live if self.model.is_held(message)]

    @rule(seconds=st.sampled_from((10, 30, 60, 130)))
    def advance(self, seconds: int) -> None:
        for name in (QUEUE, DEAD):
            ref = QueueRef(self.zaqar.project, "us-east-1", name)
            self.session.run(script("clock"), ref, [seconds * 1000])
        self.model.now += seconds
        self.model.forget()

    @rule(limit=st.sampled_from((1, 3, 20)), echo=st.booleans(), claimed=st.booleans(), delayed=st.booleans())
    def walk(self, limit: int, echo: bool, claimed: bool, delayed: bool) -> None:
        flags = {"echo": echo, "include_claimed": claimed, "include_delayed": delayed}
        query = "&".join(f"{name}={str(value).lower()}" for name, value in flags.items())
        wanted = [
            message
            for message in self.model.live
            if (echo or message.client != self.zaqar.client_id)
            and (self.model.is_free(message) or (claimed if self.model.is_held(message) else delayed))
        ]
        self.check(self.pages(f"{PATH}/messages?limit={limit}&{query}"), wanted)

    @invariant()
    def counts_are_right(self) -> None:
        if not hasattr(self, "model"):
            return
        held = sum(map(self.model.is_held, self.model.live))
        found = self.zaqar.call("GET", f"{PATH}/stats").json["messages"]
        assert (found["claimed"], found["total"]) == (held, len(self.model.live))
        if self.model.rule.most is not None:
            self.check(self.pages(f"/v2/queues/{DEAD}/messages?echo=true"), self.model.dead)

    def chosen_claim(self, place: int) -> str:
        known = list(self.model.claims)
        return known[place % len(known)]

    def pages(self, path: str) -> list[Any]:
        found: list[Any] = []
        while (page := self.zaqar.call("GET", path).json)["messages"]:
            found += page["messages"]
            path = page["links"][0]["href"]
        return found

    def check(self, found: list[Any], wanted: list[Message]) -> None:
        """The same messages in the same order, with ttl, age and claim."""
        assert [
            (one["id"], one["body"], one["ttl"], one["age"] // 10, one["href"].partition("?claim_id=")[2] or None)
            for one in found
        ] == [
            (
                message.id,
                message.body,
                message.ttl,
                (self.model.now - message.born) // 10,
                message.claim if self.model.is_held(message) else None,
            )
            for message in wanted
        ]


def test_claims_behave_as_the_model_does(session: Session, effort: settings) -> None:
    ClaimsMachine.session = session
    run_state_machine_as_test(ClaimsMachine, settings=effort)
