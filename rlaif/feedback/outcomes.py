"""What comes of calls that were answered: whether the judge is of any use, and what is to be done where it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rlaif.data.thought import CUT_OFF
from rlaif.errors import UserError
from rlaif.feedback.exchange import Reply, Request

THOUGHTS_ALONE = 20
"""So many first answers of which nothing but a thought is there end the run: the others would be like them. One sample
has eight questions, and may be the only one that takes so much thought."""
NONE_READABLE = 200
"""So many first answers in none of which there is anything to read end the run. Fewer are said."""
FEWEST_SAID = 10
"""Of fewer answers than these, none may be readable by chance."""
THOUGHTS_SHARE = 0.1
"""Above it, answers that end within their thought are said."""
ROOM_FOR_A_THOUGHT = 1024


class Outcomes:
    """Of one judge's answers, from its first one on.

    Raises:
        UserError: none so far can be read, and enough are there to tell.
    """

    def __init__(self) -> None:
        self.num_good = 0
        self._num_thoughts = 0
        self._num_unreadable = 0

    def add(self, request: Request, reply: Reply, where: str) -> None:
        """Count one reply from an endpoint."""
        if not reply.unreadable:
            self.num_good += 1
            return
        self._num_unreadable += 1
        self._num_thoughts += is_thought_alone(reply)
        if self.num_good:
            return
        if self._num_thoughts >= THOUGHTS_ALONE:
            raise too_few_tokens(request, f"all of the first {self._num_thoughts} answers")
        if self._num_unreadable >= NONE_READABLE and reply.unreadable.startswith(CUT_OFF):
            raise too_few_tokens(request, f"none of the first {self._num_unreadable} answers can be read: the last one")
        if self._num_unreadable >= NONE_READABLE:
            raise UserError(
                f"{where}: none of the first {self._num_unreadable} answers can be read: {reply.unreadable}"
            )


def check_replies(
    requests: Sequence[Request], replies: Sequence[Reply | None], num_in_all: int, warn: Callable[[str], None]
) -> None:
    """Say what is wrong with the replies of one call of `ask`, before anything is made of them.

    Args:
        requests, replies: What was sent.
        num_in_all: With what the store had.

    Raises:
        UserError: all that was asked, and there is no other, is thoughts alone.
    """
    unreadable = [reply for reply in replies if reply is not None and reply.unreadable]
    cut_off = [reply for reply in unreadable if reply.unreadable.startswith(CUT_OFF)]
    if len(unreadable) == num_in_all and all(map(is_thought_alone, unreadable)):
        raise too_few_tokens(requests[0], "every answer")
    if cut_off and len(cut_off) >= THOUGHTS_SHARE * len(replies):
        request = next(one for one, reply in zip(requests, replies, strict=True) if reply is cut_off[0])
        warn(str(too_few_tokens(request, f"{len(cut_off)} of {len(replies)} answers")))
    elif len(unreadable) == num_in_all >= FEWEST_SAID:
        ((reason, count),) = Counter(reply.unreadable for reply in unreadable).most_common(1)
        warn(f"none of {num_in_all} answers can be read; {count} of them: {reason}")


def is_thought_alone(reply: Reply) -> bool:
    """Whether all tokens that a reply had went into a thought that the server keeps apart, or does not show."""
    return reply.unreadable.startswith(CUT_OFF) and not any(text.strip() for text in reply.texts)


def too_few_tokens(request: Request, which: str) -> UserError:
    """What to do where answers end within their thought."""
    option = f"questions.options.{request.limited_by}"
    more = max(ROOM_FOR_A_THOUGHT, 4 * request.max_tokens)
    return UserError(
        f"{option}: {which} ended within a thought, which took all of its {request.max_tokens} tokens, and nothing of "
        f"them is kept; a model that thinks first needs more: {option}={more}"
    )
