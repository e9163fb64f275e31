"""The fields of a request as far as an endpoint takes them: what it refused is left out, renamed or lowered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rlaif.feedback.exchange import Request
from rlaif.feedback.field_refusal import Refused

TOP_LOGPROBS = 20
"""The most that OpenAI gives; it holds every variant of yes and no that matters."""
STEPS = (20, 5, 2)
"""How many alternatives are asked for where one number is too many and the server does not say what is not. Below two
there is nothing to compare."""
NEARLY_GREEDY = 0.01
"""For servers that have no temperature 0 and no other word for the most likely answer."""


@dataclass(frozen=True)
class RequestFields:
    """What is sent beside the model. Never changed: a call knows which of them it was sent with."""

    max_tokens_name: str = "max_tokens"
    """Empty: left out."""
    tried_names: tuple[str, ...] = ("max_tokens",)
    least_max_tokens: int = 0
    most_max_tokens: int | None = None
    with_temperature: bool = True
    least_temperature: float = 0.0
    most_temperature: float | None = None
    top_logprobs: int = TOP_LOGPROBS
    """0: log-probabilities are not asked for."""
    most_n: int | None = None
    with_system: bool = True
    streamed: bool = False
    with_stream_options: bool = True

    def of(self, request: Request, num_samples: int, room: int = 0) -> dict[str, Any]:
        """A request's fields.

        Args:
            room: The most tokens that this one request may ask for; 0: as many as it says.
        """
        messages = request.messages if self.with_system else without_system(request.messages)
        body: dict[str, Any] = {"messages": [{"role": role, "content": text} for role, text in messages]}
        if self.with_temperature:
            body["temperature"] = self._temperature(request.temperature)
        if self.max_tokens_name:
            body[self.max_tokens_name] = self._max_tokens(min(request.max_tokens, room) if room else request.max_tokens)
        if num_samples > 1 and self.most_n != 1:
            body["n"] = num_samples if self.most_n is None else min(num_samples, self.most_n)
        if self.top_logprobs and request.expects != "text":
            body |= {"logprobs": True, "top_logprobs": self.top_logprobs}
        if self.streamed:
            body["stream"] = True
            if self.with_stream_options:
                body["stream_options"] = {"include_usage": True}
        return body

    def sent(self, body: Mapping[str, Any]) -> dict[str, float]:
        """The values of what a body has that a server may refuse, by the field's name in `field_refusal`."""
        found = {name: body[name] for name in ("temperature", "n") if name in body}
        if self.max_tokens_name:
            found["max_tokens"] = body[self.max_tokens_name]
        if "logprobs" in body:
            found["logprobs"] = body["top_logprobs"]
        if "stream_options" in body:
            found["stream_options"] = 1
        elif not self.streamed:
            found["stream"] = 0
        if any(message["role"] == "system" for message in body["messages"]):
            found["system"] = 1
        return found

    def without(self, refused: Sequence[Refused]) -> RequestFields:
        """The fields after a refusal; the same ones where nothing can be done about it."""
        fields = self
        for one in refused:
            fields = getattr(fields, f"_without_{one.field}")(one)
        return fields

    def changes(self) -> dict[str, object]:
        """What is sent otherwise than it was asked: None for what is left out."""
        usual = RequestFields()
        changed: dict[str, object] = {}
        if self.max_tokens_name != "max_tokens":
            changed["max_tokens"] = self.max_tokens_name or None
        if (self.least_max_tokens, self.most_max_tokens) != (usual.least_max_tokens, usual.most_max_tokens):
            changed["max_tokens_within"] = [self.least_max_tokens, self.most_max_tokens]
        if not self.with_temperature:
            changed["temperature"] = None
        elif (self.least_temperature, self.most_temperature) != (usual.least_temperature, usual.most_temperature):
            changed["temperature_within"] = [self.least_temperature, self.most_temperature]
        if self.top_logprobs != TOP_LOGPROBS:
            changed["top_logprobs"] = self.top_logprobs or None
        if self.most_n is not None:
            changed["n"] = self.most_n
        if not self.with_system:
            changed["system"] = "in the user's message"
        if self.streamed:
            changed["stream"] = True
        return changed

    def _temperature(self, asked: float) -> float:
        value = max(asked, self.least_temperature)
        return value if self.most_temperature is None else min(value, self.most_temperature)

    def _max_tokens(self, asked: int) -> int:
        value = max(asked, self.least_max_tokens)
        return value if self.most_max_tokens is None else min(value, self.most_max_tokens)

    def _without_logprobs(self, refused: Refused) -> RequestFields:
        if refused.most is not None:
            return replace(self, top_logprobs=int(refused.most) if refused.most >= STEPS[-1] else 0)
        fewer = next((step for step in STEPS if step < self.top_logprobs), 0)
        return replace(self, top_logprobs=0 if refused.lacking else fewer)

    def _without_max_tokens(self, refused: Refused) -> RequestFields:
        if refused.instead and refused.instead not in self.tried_names:
            return self._named(refused.instead)
        if refused.most is not None and refused.most >= 1:
            return replace(self, most_max_tokens=int(refused.most))
        if refused.least is not None:
            return replace(self, least_max_tokens=int(refused.least))
        return self._named("" if "max_completion_tokens" in self.tried_names else "max_completion_tokens")

    def _named(self, name: str) -> RequestFields:
        return replace(self, max_tokens_name=name, tried_names=(*self.tried_names, name))

    def _without_temperature(self, refused: Refused) -> RequestFields:
        if refused.most is not None and refused.most > 0:
            return replace(self, most_temperature=refused.most)
        if refused.least is not None and refused.least < 0.5:
            return replace(self, least_temperature=refused.least)
        if refused.above and not refused.lacking and self.least_temperature < NEARLY_GREEDY:
            return replace(self, least_temperature=NEARLY_GREEDY)
        return replace(self, with_temperature=False)

    def _without_n(self, refused: Refused) -> RequestFields:
        return replace(self, most_n=int(refused.most) if refused.most is not None and refused.most >= 1 else 1)

    def _without_stream(self, refused: Refused) -> RequestFields:
        return replace(self, streamed=True)

    def _without_stream_options(self, refused: Refused) -> RequestFields:
        return replace(self, with_stream_options=False)

    def _without_system(self, refused: Refused) -> RequestFields:
        return replace(self, with_system=False)


def without_system(messages: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The messages with what the system says at the head of the first other one."""
    system = "\n\n".join(text for role, text in messages if role == "system")
    others = [message for message in messages if message[0] != "system"]
    if not others:
        return [("user", system)]
    role, text = others[0]
    return [(role, f"{system}\n\n{text}"), *others[1:]] if role == "user" else [("user", system), *others]
