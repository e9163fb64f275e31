"""Between texts and token ids: prompts, completions that go on with them, and what sampled ids say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from rlaif.errors import UserError
from rlaif.records import FinishReason

ANCHORS = ("a", "0", "x")
"""A completion's ids are read behind one of these, as they are behind a prompt."""
SEPARATORS = ("☺", "\n", "0", "a")
"""A completion is encoded behind one of these: the first that is known and does not become one token with it."""


def num_tokens(tokenizer: Any) -> int:
    """Tokens that a text can have. A padding token added behind them all is none: masks come from lengths."""
    size, padding = len(tokenizer), tokenizer.pad_token_id
    return size - 1 if padding == size - 1 and padding != tokenizer.eos_token_id else size


class CompletionReader:
    """Turns the sampled ids of a completion into text.

    Only the stop token that ended it is taken off: other special tokens, which a user may have added, are part of
    the text. Decoders in the manner of SentencePiece drop the space that a text begins with; within prompt and
    completion it is there, and so it is here.
    """

    def __init__(self, tokenizer: Any, stop_ids: Collection[int]) -> None:
        self.tokenizer, self.stop_ids = tokenizer, stop_ids
        self._anchor: list[int] = next((ids for text in ANCHORS if (ids := self._anchor_ids(text))), [])
        self._anchor_text = self._decode(self._anchor) if self._anchor else ""

    def ends(self, ids: Sequence[int]) -> bool:
        """Whether the completion ended by itself."""
        return bool(ids) and ids[-1] in self.stop_ids

    def finish_reason(self, ids: Sequence[int]) -> FinishReason:
        return "stop" if self.ends(ids) else "length"

    def text(self, ids: Sequence[int]) -> str:
        """What follows the prompt's text."""
        kept = list(ids[:-1] if self.ends(ids) else ids)
        if not kept:
            return ""
        behind = self._decode([*self._anchor, *kept])
        if not self._anchor or not behind.startswith(self._anchor_text):
            return self._decode(kept)
        text = behind[len(self._anchor_text) :]
        return text[1:] if text.startswith(" ") and self._is_joined(kept[0]) else text

    def _is_joined(self, id: int) -> bool:
        """Whether a space before the token is but what the decoder joins words with, and not the token's own."""
        alone = self._decode([id])
        if self.tokenizer.convert_ids_to_tokens([id])[0] != alone:
            return False
        return self._decode([*self._anchor, id]) == f"{self._anchor_text} {alone}"

    def _anchor_ids(self, text: str) -> list[int]:
        """Without byte tokens, which would be read together with those of the completion."""
        ids = list(self.tokenizer(text=[text], add_special_tokens=False)["input_ids"][0])
        is_plain = not any(str(token).startswith("<0x") for token in self.tokenizer.convert_ids_to_tokens(ids))
        return ids if is_plain else []

    def _decode(self, ids: Sequence[int]) -> str:
        # Tidying spaces before punctuation would change code.
        text: str = self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text


def encode_prompts(
    tokenizer: Any,
    prompts: Sequence[str],
    max_prompt_tokens: int | None,
    *,
    add_special_tokens: bool = True,
    allow_blank: bool = False,
) -> list[tuple[tuple[int, ...], int]]:
    """Each prompt's token ids, at most `max_prompt_tokens`, and how many were cut.

    A long prompt keeps its last tokens, and the special tokens, such as BOS, that it begins with. An EOS that the
    tokenizer puts behind a text is left out: a completion follows.

    Args:
        add_special_tokens: False for texts that have theirs, as from a chat template.
        allow_blank: a prompt without tokens is no error, and has no ids, special ones neither.

    Raises:
        UserError: a prompt without tokens.
    """
    if not prompts:
        return []
    whole = tokenizer(text=list(prompts), add_special_tokens=add_special_tokens)["input_ids"]
    before, after = special_tokens_around(tokenizer) if add_special_tokens else ([], [])
    encoded = []
    for index, ids in enumerate(whole):
        body = list(ids)
        if after and body[-len(after) :] == after:
            body = body[: -len(after)]
        has_front = bool(before) and body[: len(before)] == before
        front = before if has_front else [id for id in body[:1] if id == tokenizer.bos_token_id]
        body = body[len(front) :]
        if not body and (has_front or not front):
            if not allow_blank:
                raise UserError(f"prompt {index} has no tokens: {prompts[index]!r}")
            front = []
        encoded.append(cut(front, body, max_prompt_tokens))
    return encoded


def cut(front: list[int], body: list[int], max_tokens: int | None) -> tuple[tuple[int, ...], int]:
    """The front and the last of the body, and how many of the body were cut; with no room for both, only the body."""
    if max_tokens is None or len(front) + len(body) <= max_tokens:
        return (*front, *body), 0
    room = max_tokens - len(front)
    if room < 1:
        front, room = [], max_tokens
    return (*front, *body[-room:]), len(body) - room


def special_tokens_around(tokenizer: Any) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before a text, and what behind it."""
    for text in ANCHORS:
        bare, whole = (
            list(tokenizer(text=[text], add_special_tokens=special)["input_ids"][0]) for special in (False, True)
        )
        for start in range(len(whole) - len(bare) + 1 if bare else 0):
            if whole[start : start + len(bare)] == bare:
                return whole[:start], whole[start + len(bare) :]
    return [], []


def encode_completions(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of texts that go on with a prompt: without special tokens, and without the space that tokenizers in
    the manner of SentencePiece put before a text, so that reading them (`CompletionReader`) gives the text."""
    if not texts:
        return []
    plain = [list(ids) for ids in tokenizer(text=list(texts), add_special_tokens=False)["input_ids"]]
    if not puts_space_before(tokenizer):
        return plain
    encoded: list[list[int] | None] = [None] * len(texts)
    for separator in SEPARATORS:
        left = [row for row, ids in enumerate(encoded) if ids is None]
        behind = tokenizer(text=[separator, *(separator + texts[row] for row in left)], add_special_tokens=False)
        start, *others = map(list, behind["input_ids"])
        if tokenizer.unk_token_id in start:
            continue  # one unknown token stands for all unknown characters in a row
        for row, ids in zip(left, others, strict=True):
            if ids[: len(start)] == start:
                encoded[row] = ids[len(start) :]
    return [plain[row] if ids is None else ids for row, ids in enumerate(encoded)]


def puts_space_before(tokenizer: Any) -> bool:
    """Whether a text alone is encoded as if a space were before it."""
    reader = CompletionReader(tokenizer, ())
    for text in ANCHORS:
        ids = tokenizer(text=[text], add_special_tokens=False)["input_ids"][0]
        if ids and reader.text(ids) == f" {text}":
            return True
    return False
