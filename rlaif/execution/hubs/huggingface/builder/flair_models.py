"""Repositories of Flair: a sequence tagger over two tiny character language models, in Flair's own format."""

from __future__ import annotations

from pathlib import Path

from flair.data import Dictionary
from flair.embeddings import FlairEmbeddings, StackedEmbeddings
from flair.models import LanguageModel, SequenceTagger

from .recipes import Recipe

WEIGHTS = "pytorch_model.bin"
_CONLL = ("PER", "LOC", "ORG", "MISC")
_ONTONOTES = (
    "CARDINAL", "DATE", "EVENT", "FAC", "GPE", "LANGUAGE", "LAW", "LOC", "MONEY", "NORP", "ORDINAL", "ORG",
    "PERCENT", "PERSON", "PRODUCT", "QUANTITY", "TIME", "WORK_OF_ART",
)  # fmt: skip
_UNIVERSAL = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ",
    "SYM", "VERB", "X",
)  # fmt: skip
_PENN = (
    "CC", "CD", "DT", "EX", "FW", "IN", "JJ", "JJR", "JJS", "LS", "MD", "NN", "NNP", "NNPS", "NNS", "PDT", "POS",
    "PRP", "PRP$", "RB", "RBR", "RBS", "RP", "SYM", "TO", "UH", "VB", "VBD", "VBG", "VBN", "VBP", "VBZ", "WDT",
    "WP", "WP$", "WRB", ",", ".", ":",
)  # fmt: skip


def build_flair_tagger(recipe: Recipe, folder: Path) -> None:
    """Write a tagger for the task and the tag set that the repository's name tells."""
    tag_type, tags = _tags_of(recipe.name.lower())
    dictionary = Dictionary(add_unk=False)
    for tag in tags:
        dictionary.add_item(tag)
    tagger = SequenceTagger(
        embeddings=StackedEmbeddings([FlairEmbeddings(_language_model(forward)) for forward in (True, False)]),
        tag_dictionary=dictionary,
        tag_type=tag_type,
        hidden_size=8,
        tag_format="BIOES",
    )
    tagger.save(folder / WEIGHTS)


def _tags_of(name: str) -> tuple[str, tuple[str, ...]]:
    if "upos" in name:
        return "upos", _UNIVERSAL
    if "pos" in name:
        return "pos", _PENN
    return "ner", _ONTONOTES if "ontonotes" in name else _CONLL


def _language_model(is_forward: bool) -> LanguageModel:
    characters = Dictionary()
    for code in range(32, 127):
        characters.add_item(chr(code))
    return LanguageModel(characters, is_forward, hidden_size=16, nlayers=1, embedding_size=8)
