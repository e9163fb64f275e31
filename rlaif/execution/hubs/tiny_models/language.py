"""Tiny models of language, and a tokenizer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Translator(nn.Module):
    """fairseq: translate(text or texts) -> text or texts"""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(256, 8)

    def encode(self, text: str) -> Tensor:
        return torch.tensor([*text.encode(), 2])

    def decode(self, tokens: Tensor) -> str:
        return bytes(tokens.tolist()[:-1]).decode(errors="replace")

    def translate(self, text: Any, beam: int = 5, verbose: bool = False, **options: Any) -> Any:
        return text if isinstance(text, str) else list(text)

    def sample(self, text: Any, beam: int = 1, **options: Any) -> Any:
        return self.translate(text)


def translator(pretrained: bool = True, **options: Any) -> nn.Module:
    return Translator().eval()


class SentenceEncoder(nn.Module):
    """RoBERTa: encode(text, ...) -> (L,); extract_features -> (1, L, 1024); predict(head, tokens) -> (1, classes)"""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(256, 1024)
        self.heads = nn.ModuleDict({"mnli": nn.Linear(1024, 3)})

    def encode(self, text: str, *more: str) -> Tensor:
        return torch.tensor([0, *" ".join((text, *more)).encode(), 2])

    def decode(self, tokens: Tensor) -> str:
        return bytes(tokens.tolist()[1:-1]).decode(errors="replace")

    def extract_features(self, tokens: Tensor, return_all_hiddens: bool = False) -> Any:
        features = self.embedding(torch.atleast_2d(tokens))
        return [features] * 25 if return_all_hiddens else features

    def register_classification_head(self, name: str, num_classes: int = 2, **options: Any) -> None:
        self.heads[name] = nn.Linear(1024, num_classes)

    def predict(self, head: str, tokens: Tensor, return_logits: bool = False) -> Tensor:
        logits = self.heads[head](self.extract_features(tokens)[:, 0])
        return logits if return_logits else torch.log_softmax(logits, dim=-1)

    def fill_mask(self, masked_input: str, topk: int = 5) -> list[tuple[str, float, str]]:
        return [(masked_input.replace("<mask>", "word"), 1 / topk, "word")] * topk


def sentence_encoder(pretrained: bool = True, **options: Any) -> nn.Module:
    return SentenceEncoder().eval()


class Tokenizer:
    """Words -> ids and back, as far as the old pytorch-transformers interface goes."""

    def __init__(self) -> None:
        self.vocabulary: dict[str, int] = {"[PAD]": 0, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}

    def tokenize(self, text: str) -> list[str]:
        return text.split()

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        if isinstance(tokens, str):
            return self.vocabulary.setdefault(tokens, 1000 + len(self.vocabulary))
        return [self.convert_tokens_to_ids(token) for token in tokens]

    def encode(self, text: str, text_pair: str | None = None, add_special_tokens: bool = True, **options: Any) -> Any:
        ids: list[int] = []
        for part in (text, text_pair):
            if part is not None:
                ids += [*self.convert_tokens_to_ids(self.tokenize(part)), *([102] if add_special_tokens else [])]
        ids = [101, *ids] if add_special_tokens else ids
        return torch.tensor([ids]) if options.get("return_tensors") == "pt" else ids

    def decode(self, ids: Any, skip_special_tokens: bool = False) -> str:
        words = {number: word for word, number in self.vocabulary.items()}
        return " ".join(words.get(int(number), "[UNK]") for number in ids)

    def __call__(self, text: str, text_pair: str | None = None, **options: Any) -> dict[str, Any]:
        ids = self.encode(text, text_pair, **options)
        mask = torch.ones_like(ids) if isinstance(ids, Tensor) else [1] * len(ids)
        return {"input_ids": ids, "attention_mask": mask}


def tokenizer(name: str, *arguments: Any, **options: Any) -> Tokenizer:
    return Tokenizer()


class Transformer(nn.Module):
    """pytorch-transformers: ids (N, L) -> (hidden states (N, L, 768), pooled (N, 768))"""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(2048, 768)

    def forward(self, input_ids: Tensor, *arguments: Any, **options: Any) -> tuple[Tensor, Tensor]:
        hidden = self.embedding(input_ids % 2048)
        return hidden, hidden[:, 0]


def transformer(name: str, *arguments: Any, **options: Any) -> nn.Module:
    return Transformer().eval()
