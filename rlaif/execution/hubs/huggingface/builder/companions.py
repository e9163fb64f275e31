"""Repositories that code gets without naming them, or names without a row of its own in the database."""

from __future__ import annotations

from transformers.pipelines import SUPPORTED_TASKS

from .recipes import Wanted

_PIPELINE_DOMAINS = {
    "text-classification": "Text Classification",
    "token-classification": "Token Classification",
    "question-answering": "Question Answering",
    "table-question-answering": "Table Question Answering",
    "visual-question-answering": "Visual Question Answering",
    "document-question-answering": "Document Question Answering",
    "fill-mask": "Fill-Mask",
    "summarization": "Summarization",
    "translation": "Translation",
    "text2text-generation": "Text2Text Generation",
    "text-generation": "Text Generation",
    "zero-shot-classification": "Zero-Shot Classification",
    "zero-shot-image-classification": "Zero-Shot Image Classification",
    "conversational": "Conversational",
    "image-classification": "Image Classification",
    "image-segmentation": "Image Segmentation",
    "image-to-text": "Image-to-Text",
    "object-detection": "Object Detection",
    "zero-shot-object-detection": "Object Detection",
    "depth-estimation": "Depth Estimation",
    "video-classification": "Video Classification",
    "audio-classification": "Audio Classification",
    "automatic-speech-recognition": "Automatic Speech Recognition",
    "feature-extraction": "Feature Extraction",
    "text-to-audio": "Text-to-Speech",
    "image-to-image": "Image-to-Image",
}
# The first choice of anybody who needs a tokenizer, a backbone or a vocoder beside the model that they ask for.
_WELL_KNOWN = {
    "Text Generation": ("gpt2", "gpt2-medium", "distilgpt2", "openai-community/gpt2"),
    "Fill-Mask": (
        "bert-base-uncased",
        "google-bert/bert-base-uncased",
        "bert-base-cased",
        "bert-base-multilingual-cased",
        "bert-large-uncased",
        "distilbert-base-uncased",
        "distilbert-base-cased",
        "roberta-base",
        "roberta-large",
        "distilroberta-base",
        "xlm-roberta-base",
        "xlm-roberta-large",
        "albert-base-v2",
        "microsoft/deberta-v3-base",
    ),
    "Text2Text Generation": ("t5-small", "t5-base", "t5-large", "facebook/bart-base", "google/mt5-small"),
    "Zero-Shot Image Classification": ("openai/clip-vit-base-patch32", "openai/clip-vit-large-patch14"),
    "Image Classification": ("google/vit-base-patch16-224", "microsoft/resnet-50"),
    "Automatic Speech Recognition": ("facebook/wav2vec2-base-960h", "facebook/wav2vec2-base", "openai/whisper-small"),
    "Text-to-Speech": ("microsoft/speecht5_tts", "microsoft/speecht5_hifigan"),
    "Multimodal Text-to-Image": ("runwayml/stable-diffusion-v1-5", "CompVis/stable-diffusion-v1-4"),
    "Voice Activity Detection": ("pyannote/segmentation", "pyannote/embedding"),
    "Sentence Similarity": ("sentence-transformers/all-MiniLM-L6-v2",),
}


def companions() -> list[Wanted]:
    """The pipelines' own default models, at the revisions that they pin, and what is used everywhere."""
    found: dict[str, Wanted] = {}
    for task, entry in SUPPORTED_TASKS.items():
        for name, revision in _defaults(entry["default"]) if task in _PIPELINE_DOMAINS else ():
            found.setdefault(name, _wanted(name, _PIPELINE_DOMAINS[task], ("main", revision)))
    for domain, names in _WELL_KNOWN.items():
        for name in names:
            found.setdefault(name, _wanted(name, domain, ("main",)))
    return list(found.values())


def _wanted(name: str, domain: str, revisions: tuple[str, ...]) -> Wanted:
    return Wanted(name, "", domain, "", tuple(dict.fromkeys(revisions)), ())


def _defaults(entry: dict) -> list[tuple[str, str]]:
    """(id, revision) pairs of a task; some tasks have one for each pair of languages."""
    models = [entry["model"]] if "model" in entry else [value["model"] for value in entry.values()]
    return [model["pt"] for model in models if "pt" in model]
