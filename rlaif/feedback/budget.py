"""What calls cost: prices, a cap that calls under way cannot break, and who spent it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from rlaif.feedback.exchange import Request
from rlaif.feedback.votes import Votes

TOKENS_A_MESSAGE = 16
"""More than any known chat template adds to a message."""
TOKENS_A_CALL = 32


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens. Zero where nothing is paid, as on a server of one's own."""

    input_per_million: float = 0.0
    output_per_million: float = 0.0

    def cost(self, num_input_tokens: float, num_output_tokens: float) -> float:
        return (num_input_tokens * self.input_per_million + num_output_tokens * self.output_per_million) / 1e6


def most_tokens(request: Request, num_samples: int) -> tuple[int, int]:
    """(input, output) tokens that one call can use at most: no token is shorter than a byte."""
    num_bytes = sum(len(text.encode("utf-8", "surrogatepass")) for _, text in request.messages)
    num_input = num_bytes + TOKENS_A_MESSAGE * len(request.messages) + TOKENS_A_CALL
    return num_input, request.max_tokens * num_samples


class Budget:
    """A cap in dollars. A call's worst case is reserved before it is sent and settled when its answer is there,
    so that spent + reserved never passes the cap, whatever the calls under way turn out to cost."""

    def __init__(self, cap: float | None = None) -> None:
        self.cap = cap
        self.spent = 0.0
        self.reserved = 0.0

    def reserve(self, amount: float) -> bool:
        """Whether the amount was still there."""
        if self.cap is not None and self.spent + self.reserved + amount > self.cap + 1e-12:
            return False
        self.reserved += amount
        return True

    def settle(self, reserved: float, cost: float) -> None:
        self.reserved = max(0.0, self.reserved - reserved)
        self.spent += cost


@dataclass
class Sum:
    """Calls and what they cost."""

    num_calls: int = 0
    num_input_tokens: int = 0
    num_output_tokens: int = 0
    cost: float = 0.0

    def add(self, num_input_tokens: int, num_output_tokens: int, cost: float) -> None:
        self.num_calls += 1
        self.num_input_tokens += num_input_tokens
        self.num_output_tokens += num_output_tokens
        self.cost += cost


@dataclass
class Spending:
    """Every attempt that was sent, by (purpose, cause).

    Causes: "answered"; "unreadable" (answered, and nothing to read in it); "429", "5xx", ... (failed; not billed);
    "time-out", "connection", "malformed" (failed; perhaps billed, so counted at their worst case).
    """

    sums: dict[tuple[str, str], Sum] = field(default_factory=lambda: defaultdict(Sum))
    models: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Replies by the model that the server named. More than one: the model behind the name has changed."""
    votes: Votes = field(default_factory=Votes)

    def by_purpose(self) -> dict[str, Sum]:
        return self._by(0)

    def by_cause(self) -> dict[str, Sum]:
        return self._by(1)

    def figures(self) -> dict[str, float]:
        """As metrics: in all, by purpose and by cause, and how often votes agreed. Empty where there is nothing."""
        found: dict[str, float] = self.votes.figures()
        if not self.sums:
            return found
        found |= _figures(self.total, "sent")
        for purpose, one in self.by_purpose().items():
            found |= _figures(one, f"sent/purpose/{purpose}")
        for cause, one in self.by_cause().items():
            found |= _figures(one, f"sent/cause/{cause}")
        return found

    def line(self) -> str:
        """In all and by cause, for people."""
        total = self.total
        causes = ", ".join(f"{cause} {one.num_calls:,} (${one.cost:.4f})" for cause, one in self.by_cause().items())
        models = f"; answered by {', '.join(self.models)}" if self.models else ""
        changed = ": the model behind the name has changed" if len(self.models) > 1 else ""
        spent = f"{total.num_input_tokens:,} + {total.num_output_tokens:,} tokens, ${total.cost:.4f}"
        return f"sent: {total.num_calls:,} calls, {spent}; by cause: {causes or 'none'}{models}{changed}"

    @property
    def total(self) -> Sum:
        total = Sum()
        for one in self.sums.values():
            _join(total, one)
        return total

    def _by(self, part: int) -> dict[str, Sum]:
        joined: dict[str, Sum] = defaultdict(Sum)
        for key, one in self.sums.items():
            _join(joined[key[part]], one)
        return dict(joined)


def _figures(one: Sum, name: str) -> dict[str, float]:
    return {
        f"{name}/calls": one.num_calls, f"{name}/input_tokens": one.num_input_tokens,
        f"{name}/output_tokens": one.num_output_tokens, f"{name}/cost": one.cost,
    }  # fmt: skip


def _join(into: Sum, one: Sum) -> None:
    into.num_calls += one.num_calls
    into.num_input_tokens += one.num_input_tokens
    into.num_output_tokens += one.num_output_tokens
    into.cost += one.cost
