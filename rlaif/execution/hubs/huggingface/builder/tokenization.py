"""Tiny tokenizers: the library's own classes over the vocabularies of `vocabularies`."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Whitespace
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES
from transformers.models.whisper.tokenization_whisper import LANGUAGES

from .vocabularies import SPEECH_CHARACTERS, Vocabularies, piece_names

# Repositories whose tokenizer is not that of their architecture.
_CLASS_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"tapex|omnitab", "TapexTokenizer"),
    (r"impira/layoutlm", "RobertaTokenizer"),
    (r"nllb", "NllbTokenizer"),
    (r"mbart.*50", "MBart50Tokenizer"),
    (r"barthez", "BarthezTokenizer"),
    (r"byt5", "ByT5Tokenizer"),
    (r"bertweet", "BertweetTokenizer"),
    (r"codet5", "RobertaTokenizer"),
    (r"layoutxlm", "LayoutXLMTokenizer"),
    (r"bert-base-japanese", "BertJapaneseTokenizer"),
    (r"uer/|bertshared|bert2bert|chinese_.*roberta|randeng", "BertTokenizer"),
    (r"trocr-small", "XLMRobertaTokenizer"),
    (r"manga-ocr", "BertTokenizer"),
    (r"vit-gpt2", "GPT2Tokenizer"),
    (r"donut", "XLMRobertaTokenizer"),
    (r"trocr|mmt-en-de", "RobertaTokenizer"),
    (r"cerebras", "GPT2Tokenizer"),
    (r"flan-t5", "T5Tokenizer"),
)
_CLASS_BY_TYPE = {
    "blip-2": "GPT2Tokenizer",
    "git": "BertTokenizer",
    "encoder-decoder": "BertTokenizer",
    "vision-encoder-decoder": "RobertaTokenizer",
    "wav2vec2": "Wav2Vec2CTCTokenizer",
    "data2vec-audio": "Wav2Vec2CTCTokenizer",
    "hubert": "Wav2Vec2CTCTokenizer",
    "wavlm": "Wav2Vec2CTCTokenizer",
    "unispeech-sat": "Wav2Vec2CTCTokenizer",
    "gpt_bigcode": "GPT2Tokenizer",
    "visual_bert": "BertTokenizer",
    "clipseg": "CLIPTokenizer",
    "xclip": "CLIPTokenizer",
    "owlvit": "CLIPTokenizer",
    "align": "BertTokenizer",
    "chinese_clip": "BertTokenizer",
    "vilt": "BertTokenizer",
    "dpr": "DPRQuestionEncoderTokenizer",
    "oneformer": "CLIPTokenizer",
    "squeezebert": "SqueezeBertTokenizer",
    "longt5": "T5Tokenizer",
    "bigbird_pegasus": "PegasusTokenizer",
}
_T5_STYLE = {"T5Tokenizer", "MT5Tokenizer", "PegasusTokenizer"}
_ALBERT_STYLE = {"AlbertTokenizer", "DebertaV2Tokenizer", "BigBirdTokenizer", "FNetTokenizer", "RemBertTokenizer"}
_LONG_INPUTS = {"longformer": 4096, "led": 16384, "bart": 1024, "gpt2": 1024, "pegasus": 512, "clip": 77, "t5": 512}
_LONG_INPUTS |= {"blenderbot": 128, "owlvit": 16}
_WITHOUT_SEGMENTS = ("git",)
"""Architectures with a tokenizer of BERT's whose models refuse the token_type_ids that it gives."""
_SMALL_BLENDERBOT = {"bos_token": "__start__", "eos_token": "__end__", "unk_token": "__unk__", "pad_token": "__null__"}


class TokenizerWriter:
    """Writes tokenizers; the vocabularies are shared."""

    def __init__(self, vocabularies: Vocabularies) -> None:
        self._vocabularies = vocabularies

    def write(self, model_type: str, name: str, folder: Path) -> int | None:
        """Write the files of a repository's tokenizer; the number of its tokens, None where it has no tokenizer.

        The number covers ids that only the slow or only the fast tokenizer gives.
        """
        class_name = tokenizer_class(model_type, name)
        if class_name is None:
            return None
        special = _SPECIAL.get(class_name)
        if special is not None:
            return special(self._vocabularies, folder, name)
        length = self._slow_tokenizer(class_name, model_type, name, folder)
        return max(length, _write_fast(class_name, folder))

    def _slow_tokenizer(self, class_name: str, model_type: str, name: str, folder: Path) -> int:
        tokenizer_type = getattr(transformers, class_name)
        parameters = inspect.signature(tokenizer_type.__init__).parameters
        options: dict[str, Any] = {"model_max_length": _LONG_INPUTS.get(model_type, 512)}
        if "merges_file" in parameters:
            files = [str(path) for path in self._merge_files(class_name)]
        elif class_name in _T5_STYLE:
            files = [str(self._vocabularies.pieces("t5"))]
        elif class_name in _ALBERT_STYLE:
            files = [str(self._vocabularies.pieces("albert"))]
        elif class_name == "LlamaTokenizer":
            files, options = [str(self._vocabularies.pieces("llama"))], {"legacy": True}
        elif class_name != "BertJapaneseTokenizer" and _reads_pieces(tokenizer_type):
            files = [str(self._vocabularies.pieces("fairseq"))]
        else:
            files = [str(self._vocabularies.wordpiece())]
            if "do_lower_case" in parameters:
                options["do_lower_case"] = re.search(r"(?<!un)cased", name.lower()) is None
        options |= _options(class_name)
        if model_type in _WITHOUT_SEGMENTS:
            options["model_input_names"] = ["input_ids", "attention_mask"]
        tokenizer = tokenizer_type(*files, **options)
        tokenizer.save_pretrained(folder)
        return len(tokenizer)

    def _merge_files(self, class_name: str) -> tuple[Path, Path]:
        if class_name.startswith("CLIP"):
            return self._vocabularies.clip_bpe()
        if class_name in (
            "OpenAIGPTTokenizer",
            "CTRLTokenizer",
            "XLMTokenizer",
            "FlaubertTokenizer",
            "HerbertTokenizer",
        ):
            return self._vocabularies.word_end_bpe()
        if class_name == "BlenderbotSmallTokenizer":
            return self._vocabularies.continued_bpe()
        if class_name in ("BertweetTokenizer", "PhobertTokenizer"):
            return self._vocabularies.counted_bpe()
        return self._vocabularies.byte_bpe()


def tokenizer_class(model_type: str, name: str) -> str | None:
    """The slow class, or the fast one for an architecture that has no other."""
    lowered = name.lower()
    if model_type not in ("clip", "clipseg", "vit", "gpt2"):
        for pattern, class_name in _CLASS_BY_NAME:
            if re.search(pattern, lowered):
                return class_name
    if model_type in _CLASS_BY_TYPE:
        return _CLASS_BY_TYPE[model_type]
    slow, fast = TOKENIZER_MAPPING_NAMES.get(model_type, (None, None))
    return slow or fast


def _reads_pieces(tokenizer_type: type) -> bool:
    parameters = inspect.signature(tokenizer_type.__init__).parameters
    return "vocab_file" in parameters and "sentencepiece" in inspect.getsource(tokenizer_type).lower()


def _options(class_name: str) -> dict[str, Any]:
    if class_name == "TapexTokenizer":
        return {"do_lower_case": True}
    if class_name == "BertJapaneseTokenizer":
        return {"word_tokenizer_type": "basic"}
    return dict(_SMALL_BLENDERBOT) if class_name == "BlenderbotSmallTokenizer" else {}


def _write_fast(class_name: str, folder: Path) -> int:
    """The fast tokenizer beside the slow one, where the library can make one; its number of tokens, else 0."""
    if class_name == "BlenderbotSmallTokenizer":
        return _write_small_blenderbot(folder)
    fast_type = getattr(transformers, f"{class_name}Fast", None)
    if fast_type is None or class_name == "LayoutXLMTokenizer":
        return 0
    fast = fast_type.from_pretrained(folder)
    fast.save_pretrained(folder)
    return len(fast)


def _write_small_blenderbot(folder: Path) -> int:
    """The library converts no slow tokenizer of this kind, it reads this file; its number of tokens."""
    tokens = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer(BPE(tokens, [], unk_token=_SMALL_BLENDERBOT["unk_token"]))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return len(tokens)


def _speech_characters(_: Vocabularies, folder: Path, name: str) -> int:
    tokens = ["<pad>", "<s>", "</s>", "<unk>", *SPEECH_CHARACTERS]
    path = folder / "vocab.json"
    path.write_text(json.dumps({token: index for index, token in enumerate(tokens)}), encoding="utf-8")
    tokenizer = transformers.Wav2Vec2CTCTokenizer(str(path))
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def _whisper(vocabularies: Vocabularies, folder: Path, name: str) -> int:
    tokenizer = transformers.WhisperTokenizer(*map(str, vocabularies.byte_bpe()))
    tasks = [
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nocaptions|>",
        "<|notimestamps|>",
    ]
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES), *tasks]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([f"<|{step * 0.02:.2f}|>" for step in range(1501)])
    tokenizer.save_pretrained(folder)
    transformers.WhisperTokenizerFast.from_pretrained(folder).save_pretrained(folder)
    return len(tokenizer)


def _marian(vocabularies: Vocabularies, folder: Path, name: str) -> int:
    pieces = vocabularies.pieces("t5")
    tokens = dict.fromkeys(["</s>", "<unk>", *piece_names(pieces)])
    tokens.pop("<pad>", None)
    target = re.search(r"-([A-Za-z]+)$", name)
    codes = [">>fr<<", ">>es<<", ">>it<<", ">>pt<<", ">>ro<<", f">>{target[1].lower() if target else 'de'}<<"]
    numbered = {token: index for index, token in enumerate(dict.fromkeys([*tokens, *codes, "<pad>"]))}
    (folder / "vocab.json").write_text(json.dumps(numbered, ensure_ascii=False), encoding="utf-8")
    for side in ("source", "target"):
        shutil.copyfile(pieces, folder / f"{side}.spm")
    languages = re.search(r"opus-mt-(?:tc-big-)?(\w+)-(\w+)$", name) or re.search(r"-(\w+)-(\w+)$", name)
    source, destination = languages.groups() if languages else ("en", "de")
    tokenizer = transformers.MarianTokenizer(
        str(folder / "source.spm"),
        str(folder / "target.spm"),
        str(folder / "vocab.json"),
        source_lang=source,
        target_lang=destination,
        model_max_length=512,
    )
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def _numbered_pieces(class_name: str) -> Callable[[Vocabularies, Path, str], int]:
    def write(vocabularies: Vocabularies, folder: Path, name: str) -> int:
        pieces = vocabularies.pieces("fairseq")
        tokens = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *piece_names(pieces)])
        path = folder / "vocab.json"
        path.write_text(json.dumps({token: index for index, token in enumerate(tokens)}), encoding="utf-8")
        tokenizer = getattr(transformers, class_name)(str(path), str(pieces))
        tokenizer.save_pretrained(folder)
        # Languages have ids behind the vocabulary that the length does not count; the architecture pads its embeddings.
        return len(tokenizer) + len(getattr(tokenizer, "lang_code_to_id", ())) + 8

    return write


def _speech_pieces(vocabularies: Vocabularies, folder: Path, name: str) -> int:
    tokenizer = transformers.SpeechT5Tokenizer(str(vocabularies.pieces("speech")), model_max_length=600)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def _scene_text(_: Vocabularies, folder: Path, name: str) -> int:
    tokens = ["[GO]", "[s]", *"0123456789abcdefghijklmnopqrstuvwxyz"]
    path = folder / "vocab.json"
    path.write_text(json.dumps({token: index for index, token in enumerate(tokens)}), encoding="utf-8")
    tokenizer = transformers.MgpstrTokenizer(str(path))
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def _bytes(_: Vocabularies, folder: Path, name: str) -> int:
    tokenizer = transformers.ByT5Tokenizer()
    tokenizer.save_pretrained(folder)
    return len(tokenizer) + 8


def _fast_only(class_name: str) -> Callable[[Vocabularies, Path, str], int]:
    def write(vocabularies: Vocabularies, folder: Path, name: str) -> int:
        tokenizer = transformers.GPT2TokenizerFast(*map(str, vocabularies.byte_bpe()))
        tokenizer.save_pretrained(folder)
        path = folder / "tokenizer_config.json"
        config = json.loads(path.read_text()) | {"tokenizer_class": class_name}
        if class_name.startswith("Bloom"):
            config |= {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
            (folder / "special_tokens_map.json").unlink()
        path.write_text(json.dumps(config), encoding="utf-8")
        for unused in ("vocab.json", "merges.txt"):
            (folder / unused).unlink()
        return len(tokenizer)

    return write


_SPECIAL: dict[str, Callable[[Vocabularies, Path, str], int]] = {
    "Wav2Vec2CTCTokenizer": _speech_characters,
    "WhisperTokenizer": _whisper,
    "MarianTokenizer": _marian,
    "M2M100Tokenizer": _numbered_pieces("M2M100Tokenizer"),
    "Speech2TextTokenizer": _numbered_pieces("Speech2TextTokenizer"),
    "SpeechT5Tokenizer": _speech_pieces,
    "MgpstrTokenizer": _scene_text,
    "ByT5Tokenizer": _bytes,
    "GPTNeoXTokenizerFast": _fast_only("GPTNeoXTokenizerFast"),
    "BloomTokenizerFast": _fast_only("BloomTokenizerFast"),
}
