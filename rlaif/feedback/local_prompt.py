"""A request as the token ids that a model continues: a chat template's, or plain text where there is none.

An answer that is read at its first position cannot come behind a thought. So there the thought is left out: by the
switch that a template has for it, or by an empty one where the prompt has opened one already.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from rlaif.feedback.thought import ending_of, opened_at_the_end
from rlaif.models.texts import encode_prompts

ANSWER_CUE = "\n\nAnswer:"
"""Ends the plain prompt of a model without a chat template."""
NO_THOUGHT = {"enable_thinking": False, "thinking": False}
"""What templates call the switch; one that has none takes no notice."""
PROBE = (("system", "Judge."), ("user", "Is it so?"))

Messages = Sequence[tuple[str, str]]
"""(role, text) pairs."""


class LocalPrompt:
    """Prompts for a tokenizer's model."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def ids(self, messages: Messages, thinks: bool) -> list[int]:
        """Token ids up to the first position of the answer, or of the thought before it where the model `thinks`."""
        if self._tokenizer.chat_template is None:
            text = "\n\n".join(text for _, text in messages) + ANSWER_CUE
            ((ids, _),) = encode_prompts(self._tokenizer, [text], None)
            return list(ids)
        return self.more_ids(self._text(messages, thinks))

    def more_ids(self, text: str) -> list[int]:
        """Token ids of a text that has its special tokens, or that continues one."""
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    @cached_property
    def can_think(self) -> bool:
        """Whether leaving the thought out makes another prompt."""
        if self._tokenizer.chat_template is None:
            return False
        return self._text(PROBE, thinks=True) != self._text(PROBE, thinks=False)

    @cached_property
    def opened_thought(self) -> str:
        """The mark of a thought that the prompt has opened for the model; empty where it has not."""
        return "" if self._tokenizer.chat_template is None else opened_at_the_end(self._text(PROBE, thinks=True))

    def _text(self, messages: Messages, thinks: bool) -> str:
        named = [{"role": role, "content": text} for role, text in messages]
        try:
            text = self._chat(named, thinks)
        except TemplateError:  # some templates refuse a system message
            first = {"role": "user", "content": "\n\n".join(message["content"] for message in named[:2])}
            text = self._chat([first, *named[2:]], thinks)
        opened = "" if thinks or messages[-1][0] == "assistant" else opened_at_the_end(text)
        return text + ending_of(opened) if opened else text

    def _chat(self, messages: list[dict[str, str]], thinks: bool) -> str:
        goes_on = messages[-1]["role"] == "assistant"
        text: str = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=not goes_on, continue_final_message=goes_on,
            **({} if thinks else NO_THOUGHT),
        )  # fmt: skip
        return text
