"""Calls that an endpoint refused for a reason that no word of its tells.

Where it answers other calls, it was the prompt's fault; where it answers none, everybody's. So such a call waits until
another one is answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from rlaif.feedback.endpoint import Endpoint
from rlaif.feedback.retry import CallFailed
from rlaif.feedback.work import Job

UNCLEAR_IN_A_ROW = 10
"""So many, with none that was answered, are everybody's fault."""
ONCE_ANSWERED = 32
"""So many are where others were answered before; a few samples with eight questions each may have something that a
firewall does not like."""


@dataclass(frozen=True)
class Unclear:
    """A call that was refused, and what is noted of it."""

    endpoint: Endpoint
    job: Job
    failure: CallFailed
    details: dict[str, object]


class UnclearRefusals:
    """Those that are not decided yet, in their order."""

    def __init__(self) -> None:
        self._waiting: list[Unclear] = []

    @property
    def first(self) -> Unclear | None:
        return self._waiting[0] if self._waiting else None

    def is_everybodys(self, refused: Unclear) -> bool:
        """Count a refusal. Whether it is one too many."""
        refused.endpoint.num_unclear_in_a_row += 1
        most = ONCE_ANSWERED if refused.endpoint.has_answered else UNCLEAR_IN_A_ROW
        return refused.endpoint.num_unclear_in_a_row >= most

    def is_the_prompts(self, refused: Unclear) -> bool:
        """Whether the endpoint has answered a call; else the refusal waits."""
        if not refused.endpoint.has_answered:
            self._waiting.append(refused)
        return refused.endpoint.has_answered

    def answered(self, endpoint: Endpoint) -> list[Unclear]:
        """Note that an endpoint answers: what waited for that, and is its prompts' fault."""
        endpoint.has_answered, endpoint.num_unclear_in_a_row = True, 0
        decided = [one for one in self._waiting if one.endpoint is endpoint]
        self._waiting = [one for one in self._waiting if one.endpoint is not endpoint]
        return decided
