"""A byte-level BPE tokenizer trained on the project's own data, for policies from scratch.

Where it differs from GPT-2's: spaces are tokens of their own and digits stand in twos at most. GPT-2
writes the space into the word (" Ada" and "Ada" are unrelated tokens), so that copying a
value from an instruction into quotes in code means to translate it. A small model learns
to copy a token, and hardly ever learns to translate all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

EOS = "<|endoftext|>"
PAD = "<|pad|>"

# What BPE may merge inside of, never across. Order matters: the first alternative that fits wins.
PIECES = (
    r"\n?<<<\w+>>>: ?",  # a section tag of Gorilla's format, one token once it is merged
    r"\n?###\w+: ?\n?",  # the prompt's marks
    r"\n *",  # a line's end with the next line's indentation
    r" (?:[=!<>]?=|[-+*/%<>|]) ",  # an operator with the spaces around it: no value is spelled so
    r"[,:;] ",  # a comma and its space, likewise
    r" +",
    r"[0-9]{1,2}",  # two digits at most: numbers are copied, not remembered
    r"[^\W\d_]+",  # letters
    r"[^\w\s]+|_+",  # punctuation
    r"[\s\S]",  # whatever is left, so that nothing is lost
)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """A tokenizer of at most `vocab_size` tokens; equal texts in equal order give equal tokenizers.

    EOS and padding are two tokens. Every text round-trips exactly:
    `decode(encode(text)) == text`, also with characters that were never seen.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("|".join(PIECES)), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[EOS, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        padding_side="left",  # what a decoder-only model needs to generate
        clean_up_tokenization_spaces=False,  # tidying spaces before punctuation would change code
    )
