"""Whether votes differ: several texts that a server decodes greedily are one text, however often it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rlaif.feedback.exchange import Reply, Request

FEWEST_REQUESTS = 10
FEWEST_REPEATS = 40
"""Further votes, all of them the first one's text, before it is said. A judge that says the same 19 times of 20 would
get there by chance once in eight."""


@dataclass
class Votes:
    """Requests with several texts at a temperature above 0, and how many of them got one text again and again."""

    num_requests: int = 0
    num_alike: int = 0
    num_repeats: int = 0
    """Votes beyond the first, of the requests whose votes are all alike."""
    _seen: set[int] = field(default_factory=set)

    def add(self, requests: Sequence[Request], replies: Sequence[Reply | None]) -> str:
        """Count; a line to say where all votes so far are alike, and enough of them to mean something."""
        before = self.num_requests
        for request, reply in zip(requests, replies, strict=True):
            if request.num_samples < 2 or request.temperature <= 0 or reply is None or len(reply.texts) < 2:
                continue
            digest = hash(request)
            if digest in self._seen:
                continue
            self._seen.add(digest)
            self.num_requests += 1
            if len(set(reply.texts)) == 1:
                self.num_alike += 1
                self.num_repeats += len(reply.texts) - 1
        return self._line() if self.num_requests > before else ""

    def figures(self) -> dict[str, float]:
        """As metrics; empty where nobody voted."""
        return {"votes/requests": self.num_requests, "votes/all_alike": self.num_alike} if self.num_requests else {}

    def _line(self) -> str:
        few = self.num_requests < FEWEST_REQUESTS or self.num_repeats < FEWEST_REPEATS
        if few or self.num_alike < self.num_requests:
            return ""
        return (
            f"questions.options.votes: all votes of each of the {self.num_requests} requests so far are the same text, "
            "so they say no more than one: the server decodes greedily whatever the temperature (as transformers serve "
            "does), or the judge is sure of every answer"
        )
