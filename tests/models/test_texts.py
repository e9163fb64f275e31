"""Texts and ids: a prompt without what would end it, a completion as it reads behind its prompt."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from rlaif.errors import UserError
from rlaif.models.supervised import encode_texts
from rlaif.models.texts import CompletionReader, encode_completions, encode_prompts, puts_space_before
from tests.models.sentencepiece_like import llama_like

PROMPT = "def f(x):"
CODE = ["\n    return x", "    return x", " return x", "return x", "  a", "é ☺\n", "☺", "\n\n", "<|fim|> x<|fim|>"]


def ids_of(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.fixture(params=[{}, {"legacy": True}, {"bos": False, "eos": True}], ids=["metaspace", "legacy", "eos"])
def llama(request: Any) -> Any:
    return llama_like(added=("<|fim|>",), **request.param)


@pytest.mark.parametrize("text", CODE)
def test_a_completion_reads_as_it_does_behind_its_prompt(llama: Any, text: str) -> None:
    prompt, (ids,) = ids_of(llama, PROMPT), encode_completions(llama, [text])
    whole = llama.decode([*prompt, *ids])
    assert whole.startswith(PROMPT)
    read = CompletionReader(llama, {2}).text([*ids, 2])
    assert read == whole[len(PROMPT) :]
    assert read == text or (llama.backend_tokenizer.normalizer is not None and "<|fim|>" in text)


@pytest.mark.parametrize("text", CODE)
def test_a_completion_is_encoded_as_it_is_behind_its_prompt(text: str) -> None:
    tokenizer = llama_like(added=("<|fim|>",))
    (ids,) = encode_completions(tokenizer, [text])
    assert ids_of(tokenizer, PROMPT + text) == ids_of(tokenizer, PROMPT) + ids


def test_only_a_stop_token_at_the_end_is_taken_off() -> None:
    tokenizer = llama_like(added=("<|tool|>", "<|end|>"))
    tool, end = tokenizer.convert_tokens_to_ids(["<|tool|>", "<|end|>"])
    reader = CompletionReader(tokenizer, {2, end})
    (x,) = ids_of(tokenizer, "x")[-1:]
    assert reader.text([tool, x, tool, end]) == "<|tool|>" + tokenizer.decode([265, x])[1:] + "<|tool|>"
    assert reader.text([tool, 2]) == reader.text([tool]) == "<|tool|>"
    assert reader.text([1, tool]) == "<s><|tool|>"
    assert reader.text([end]) == reader.text([2]) == reader.text([]) == ""
    assert reader.ends([x, end]) and reader.ends([2]) and not reader.ends([2, x]) and not reader.ends([])


def test_byte_level_tokenizers_read_as_they_always_did() -> None:
    core = Tokenizer(models.BPE({"Ġ": 0, "a": 1, "Ġa": 2, "Ċ": 3, "Ã": 4, "©": 5, "<eos>": 6}, [("Ġ", "a")]))
    core.pre_tokenizer, core.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<eos>")
    reader = CompletionReader(tokenizer, {6})
    for text in (" a", "a a", "\n  a", "é", "  "):
        assert encode_completions(tokenizer, [text]) == [ids_of(tokenizer, text)]
        assert reader.text([*ids_of(tokenizer, text), 6]) == text
    assert not puts_space_before(tokenizer)
    assert reader.text([5, 1]) == "\ufffda", "half a character stays what it is"


@pytest.mark.parametrize("text", ["return x", " return", "    return x", "\n  x", "é", "éé x", "☺"])
@pytest.mark.parametrize("scheme", ["always", "first", "never"])
def test_a_unigram_tokenizer_reads_what_it_encodes(scheme: str, text: str) -> None:
    """T5's kind: no bytes, so that what is unknown becomes one token, however long."""
    pieces = [
        ("</s>", 0.0),
        ("<unk>", 0.0),
        *((piece, -2.0) for piece in "▁returnx\n"),
        ("▁x", -1.0),
        ("▁return", -1.0),
    ]
    core = Tokenizer(models.Unigram(pieces, unk_id=1))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    core.decoder = decoders.Metaspace(prepend_scheme=scheme)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>", unk_token="<unk>")
    (ids,) = encode_completions(tokenizer, [text])
    known = text.replace("éé", "<unk>").replace("é", "<unk>").replace("☺", "<unk>")
    assert CompletionReader(tokenizer, {0}).text([*ids, 0]) == known


def test_bytes_with_a_space_before_every_text() -> None:
    core = Tokenizer(models.BPE({"Ġ": 0, "a": 1, "Ġa": 2, "â": 3, "ĺ": 4, "º": 5, "<eos>": 6}, [("Ġ", "a")]))
    core.pre_tokenizer, core.decoder = pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<eos>")
    assert ids_of(tokenizer, "a") == [2]
    assert encode_completions(tokenizer, ["a a", " a"]) == [[1, 2], [2]]
    assert CompletionReader(tokenizer, {6}).text([1, 2, 6]) == "a a"


def test_a_tokenizer_of_words_puts_no_space_before_the_first() -> None:
    core = Tokenizer(models.WordLevel({"<eos>": 0, "<unk>": 1, "b": 2, "c": 3}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<eos>", unk_token="<unk>")
    assert CompletionReader(tokenizer, {0}).text([2, 3, 0]) == "b c"
    assert encode_completions(tokenizer, ["b c", "c"]) == [[2, 3], [3]]


def test_pieces_of_words_are_joined_to_nothing() -> None:
    core = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2, "c": 3, "[SEP]": 4}, unk_token="[UNK]"))
    core.pre_tokenizer, core.decoder = pre_tokenizers.Whitespace(), decoders.WordPiece()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]", eos_token="[SEP]")
    reader = CompletionReader(tokenizer, {4})
    assert reader.text([2, 3, 4]) == "b c"
    assert reader.text([3, 4]) == "c"


def test_a_prompt_does_not_end_with_the_eos_that_its_tokenizer_appends() -> None:
    plain, appending = llama_like(bos=True), llama_like(bos=True, eos=True)
    assert appending(PROMPT)["input_ids"][-1] == 2
    for text in (PROMPT, "a", "x x x"):
        assert encode_prompts(appending, [text], None) == [(tuple(plain(text)["input_ids"]), 0)]
        assert encode_prompts(appending, [text], None, add_special_tokens=False) == [(tuple(ids_of(plain, text)), 0)]


def test_a_separator_behind_a_prompt_is_taken_off_too() -> None:
    core = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]", eos_token="[SEP]")
    assert encode_prompts(tokenizer, ["a b a b a"], 3) == [((1, 4, 3), 3)]


def test_an_eos_that_the_prompt_has_itself_stays() -> None:
    assert encode_prompts(llama_like(eos=True), ["a</s>"], None)[0][0][-1] == 2
    assert encode_prompts(llama_like(), ["a</s>"], None)[0][0][-1] == 2


def test_a_cut_prompt_keeps_its_beginning_of_text() -> None:
    tokenizer = llama_like()
    whole = tokenizer(PROMPT)["input_ids"]
    assert encode_prompts(tokenizer, [PROMPT], 4) == [((1, *whole[-3:]), len(whole) - 4)]
    assert encode_prompts(tokenizer, [PROMPT], 2) == [((1, whole[-1]), len(whole) - 2)]
    assert encode_prompts(tokenizer, [PROMPT], 1) == [((whole[-1],), len(whole) - 2)], "no room but for one token"
    # A chat template writes the BOS itself.
    assert encode_prompts(tokenizer, ["<s>" + PROMPT], 4, add_special_tokens=False)[0][0][0] == 1


@pytest.mark.parametrize("options", [{}, {"eos": True}, {"bos": False, "eos": True}])
def test_a_prompt_of_special_tokens_alone_is_blank(options: Any) -> None:
    with pytest.raises(UserError, match="prompt 1 has no tokens: ''"):
        encode_prompts(llama_like(**options), ["a", ""], None)


def test_fine_tuning_reads_a_prompt_as_sampling_does_and_learns_what_is_read_back() -> None:
    tokenizer = llama_like(eos=True)
    (text,) = encode_texts(tokenizer, [(PROMPT, "\n    return x")], max_prompt_tokens=6, max_new_tokens=20)
    ((prompt_ids, _),) = encode_prompts(tokenizer, [PROMPT], 6)
    assert text.input_ids[: text.num_prompt_tokens] == prompt_ids
    assert text.input_ids[-1] == 2 and text.input_ids.count(2) == 1
    completion = text.input_ids[text.num_prompt_tokens :]
    assert CompletionReader(tokenizer, {2}).text(completion) == "\n    return x"


@pytest.mark.parametrize("text", ["    return a", " x = [1]", "  ", "x", "\ty", "é ☃"])
def test_tokens_of_one_byte_keep_their_spaces(text: str) -> None:
    """ByT5's token of a space is written as it is read, and is not what joins words."""
    tokenizer = ByT5Tokenizer()
    ids = encode_completions(tokenizer, [text])[0]
    assert ids == [byte + 3 for byte in text.encode()]
    assert CompletionReader(tokenizer, {tokenizer.eos_token_id}).text([*ids, tokenizer.eos_token_id]) == text
    assert encode_prompts(tokenizer, [f"a{text}"], None) == [((97 + 3, *ids), 0)]
