"""What a question set takes, as though nothing had been asked before: the store's answers count as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rlaif.config import OpenaiConfig
from rlaif.feedback.exchange import Reply, Request


@dataclass
class Usage:
    """Requests and tokens of all that was asked; equal requests count once."""

    num_input_tokens: int = 0
    num_output_tokens: int = 0
    _seen: set[int] = field(default_factory=set)
    """Hashes, so that no prompt is held: of a million requests, two are alike by chance once in ten million runs."""

    def add(self, requests: Sequence[Request], replies: Sequence[Reply | None]) -> None:
        for request, reply in zip(requests, replies, strict=True):
            digest = hash(request)
            if digest in self._seen:
                continue
            self._seen.add(digest)
            if reply is not None:
                self.num_input_tokens += reply.num_input_tokens
                self.num_output_tokens += reply.num_output_tokens

    def figures(self, prices: OpenaiConfig) -> dict[str, float]:
        """Calls, tokens and, at the config's prices, dollars."""
        dollars = self.num_input_tokens * prices.input_price + self.num_output_tokens * prices.output_price
        return {
            "num_requests": len(self._seen),
            "num_input_tokens": self.num_input_tokens,
            "num_output_tokens": self.num_output_tokens,
            "cost": dollars / 1e6,
        }
