"""Which architecture a repository has: from its name, the class that it is loaded with, or its task.

A name tells most: people put the architecture into it. Loading classes are less reliable,
as a library loads a WavLM with a Wav2Vec2 class too, with a warning. Where neither says
anything, the task's usual architecture stands in.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from transformers.models.auto import modeling_auto

# Model type by the first pattern found in the id (in lower case). Repositories whose names
# say nothing, or the wrong thing, come first, with what they are.
_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"seethal/sentiment|finbert|german-sentiment|stanford-deidentifier|bert-?overflow|koelectra.*bert", "bert"),
    (r"biom-electra|koelectra|electra", "electra"),
    (r"saltacc/anime-ai-detect", "beit"),
    (r"hotdog|dog-vs-food", "vit"),
    (r"parrot_(?:fluency|adequacy)|openai-detector|michellejieli/nsfw_text_classification", "roberta"),
    (r"michellejieli|autotrain-(?:name|company)_all|ismail-lucifer", "distilbert"),
    (r"d4data/biomedical|martin-ha/toxic|shahrukhx01/question-vs", "distilbert"),
    (r"autonlp-gibberish", "distilbert"),
    (r"deberta-v[23]|mdeberta", "deberta-v2"),
    (r"eurocorpv4|layoutlmx|entity-linking-model|layoutlmv3", "layoutlmv3"),
    (r"layoutlmv2|layoutxlm", "layoutlmv2"),
    (r"layoutlm", "layoutlm"),
    (r"blip-?2|promptcap", "blip-2"),
    (r"blip", "blip"),
    (r"pygmalion-350m|\bopt-|galactica", "opt"),
    (r"pygmalion-1\.3b|pythia|gpt-neox|dolly|stablelm", "gpt_neox"),
    (r"gpt-neo|pygmalion-2\.7b", "gpt_neo"),
    (r"gpt-?j|pygmalion-6b|pygway", "gptj"),
    (r"santacoder|starcoder", "gpt_bigcode"),
    (r"codegen", "codegen"),
    (r"bloom", "bloom"),
    (r"llama|vicuna|alpaca|guanacovqa", "llama"),
    (r"xglm", "xglm"),
    (r"openai-gpt", "openai-gpt"),
    (r"vit-gpt2|trocr|donut|manga-ocr|mmt-en-de", "vision-encoder-decoder"),
    (r"gpt2|-gpt|gpt-|personagpt|shuanbot|bdbot|baekbot|johnbot|satvikag/chatbot", "gpt2"),
    (r"(?:^|/)git-", "git"),
    (r"pix2struct|deplot|matcha", "pix2struct"),
    (r"mgp-str", "mgp-str"),
    (r"clipseg", "clipseg"),
    (r"chinese-clip", "chinese_clip"),
    (r"xclip", "xclip"),
    (r"align-base", "align"),
    (r"owlvit", "owlvit"),
    (r"clip(?!_224|\.)", "clip"),
    (r"vilt", "vilt"),
    (r"visualbert", "visual_bert"),
    (r"tapex|omnitab", "bart"),
    (r"tapas", "tapas"),
    (r"table-transformer", "table-transformer"),
    (r"deformable-detr", "deformable_detr"),
    (r"conditional-detr", "conditional_detr"),
    (r"detr", "detr"),
    (r"yolos", "yolos"),
    (r"mask2former", "mask2former"),
    (r"maskformer", "maskformer"),
    (r"oneformer", "oneformer"),
    (r"upernet", "upernet"),
    (r"segformer|/mit-b\d", "segformer"),
    (r"glpn", "glpn"),
    (r"\bdpt-|dptfor", "dpt"),
    (r"videomae", "videomae"),
    (r"timesformer", "timesformer"),
    (r"vivit", "vivit"),
    (r"swin2sr", "swin2sr"),
    (r"swinv2", "swinv2"),
    (r"swin", "swin"),
    (r"convnextv2", "convnextv2"),
    (r"convnext", "convnext"),
    (r"mobilenet_v1", "mobilenet_v1"),
    (r"mobilenet_v2", "mobilenet_v2"),
    (r"mobilevit", "mobilevit"),
    (r"regnet", "regnet"),
    (r"resnet", "resnet"),
    (r"levit", "levit"),
    (r"beit", "beit"),
    (r"deit", "deit"),
    (r"data2vec-vision", "data2vec-vision"),
    (r"data2vec-audio", "data2vec-audio"),
    (r"hifigan", "hifigan"),
    (r"speecht5", "speecht5"),
    (r"wavlm", "wavlm"),
    (r"unispeech-sat", "unispeech-sat"),
    (r"hubert", "hubert"),
    (r"wav2vec|xlsr", "wav2vec2"),
    (r"whisper", "whisper"),
    (r"\bs2t-", "speech_to_text"),
    (r"\bast-", "audio-spectrogram-transformer"),
    (r"decision-transformer", "decision_transformer"),
    (r"graphormer", "graphormer"),
    (r"dpr-question_encoder|dpr-ctx_encoder|dpr-reader", "dpr"),
    (r"xlm-r|xlmr|multilingual-e5|paraphrase-multilingual|fullstop-punct|punctuate-all", "xlm-roberta"),
    (r"xlm-mlm|xlm-clm", "xlm"),
    (r"bigbird-pegasus", "bigbird_pegasus"),
    (r"pegasus", "pegasus"),
    (r"longformer", "longformer"),
    (r"dialogled|\bled-", "led"),
    (r"barthez", "mbart"),
    (r"mbart", "mbart"),
    (r"bart", "bart"),
    (r"camembert", "camembert"),
    (r"blenderbot[-_]small|blenderbot-90m", "blenderbot-small"),
    (r"blenderbot", "blenderbot"),
    (r"opus-mt|marian", "marian"),
    (r"m2m100|nllb|m2m_100", "m2m_100"),
    (r"long-t5", "longt5"),
    (r"mt5", "mt5"),
    (r"t5|flan-|cosmo-xl|godel|cadet|codeformer|instructor", "t5"),
    (r"bert2bert|bertshared", "encoder-decoder"),
    (r"chinese_.*roberta_wwm", "bert"),
    (r"minilm2|codebert|unixcoder|simcse-roberta|twitter-roberta|bertweet|mdeberta", "roberta"),
    (r"distilbert|distiluse", "distilbert"),
    (r"distil-?roberta|roberta", "roberta"),
    (r"deberta", "deberta"),
    (r"squeezebert", "squeezebert"),
    (r"mobilebert", "mobilebert"),
    (r"conv-?bert", "convbert"),
    (r"(?<![a-z])albert", "albert"),
    (r"xlnet", "xlnet"),
    (r"mpnet", "mpnet"),
    (r"bert|labse|minilm|scincl|dragon|beto|text2vec", "bert"),
    (r"\bvit\b|vit[-_]|/dino|imagegpt", "vit"),
)

# Task -> the heads to look for, as the library names its auto mappings, and the usual architecture.
_TASKS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "Zero-Shot Image Classification": (("ZERO_SHOT_IMAGE_CLASSIFICATION",), "clip"),
    "Zero-Shot Classification": (("SEQUENCE_CLASSIFICATION", "ZERO_SHOT_IMAGE_CLASSIFICATION"), "roberta"),
    "Text Classification": (("SEQUENCE_CLASSIFICATION",), "distilbert"),
    "Token Classification": (("TOKEN_CLASSIFICATION",), "bert"),
    "Table Question Answering": (("TABLE_QUESTION_ANSWERING", "SEQ_TO_SEQ_CAUSAL_LM"), "tapas"),
    "Visual Question Answering": (("VISUAL_QUESTION_ANSWERING", "VISION_2_SEQ", "CAUSAL_LM"), "vilt"),
    "Document Question Answer": (("DOCUMENT_QUESTION_ANSWERING", "VISION_2_SEQ"), "layoutlm"),
    "Document Question Answering": (("DOCUMENT_QUESTION_ANSWERING", "VISION_2_SEQ"), "layoutlm"),
    "Question Answering": (("QUESTION_ANSWERING",), "roberta"),
    "Fill-Mask": (("MASKED_LM",), "bert"),
    "Text2Text Generation": (("SEQ_TO_SEQ_CAUSAL_LM", "CAUSAL_LM"), "t5"),
    "Text Generation": (("SEQ_TO_SEQ_CAUSAL_LM", "CAUSAL_LM"), "gpt2"),
    "Conversational": (("SEQ_TO_SEQ_CAUSAL_LM", "CAUSAL_LM"), "gpt2"),
    "Summarization": (("SEQ_TO_SEQ_CAUSAL_LM",), "bart"),
    "Translation": (("SEQ_TO_SEQ_CAUSAL_LM",), "marian"),
    "Image Classification": (("IMAGE_CLASSIFICATION",), "vit"),
    "Object Detection": (("OBJECT_DETECTION", "ZERO_SHOT_OBJECT_DETECTION"), "detr"),
    "Image Segmentation": (
        ("SEMANTIC_SEGMENTATION", "UNIVERSAL_SEGMENTATION", "IMAGE_SEGMENTATION", "INSTANCE_SEGMENTATION"),
        "segformer",
    ),
    "Depth Estimation": (("DEPTH_ESTIMATION",), "dpt"),
    "Video Classification": (("VIDEO_CLASSIFICATION",), "videomae"),
    "Image-to-Text": (("VISION_2_SEQ", "CAUSAL_LM"), "vision-encoder-decoder"),
    "Image-to-Image": (("IMAGE_TO_IMAGE",), None),
    "Automatic Speech Recognition": (("SPEECH_SEQ_2_SEQ", "CTC"), "wav2vec2"),
    "Audio Classification": (("AUDIO_CLASSIFICATION",), "wav2vec2"),
    "Text-to-Speech": (("TEXT_TO_SPECTROGRAM", "TEXT_TO_WAVEFORM"), None),
    "Audio-to-Audio": (("TEXT_TO_SPECTROGRAM",), None),
    "Sentence Similarity": ((), "bert"),
    "Feature Extraction": ((), "bert"),
    "Graph Machine Learning": ((), "graphormer"),
    "Reinforcement Learning": ((), None),
}
# Classes whose name alone tells neither architecture nor task.
_SPECIAL_CLASSES = {
    "clip": "CLIPModel",
    "hifigan": "SpeechT5HifiGan",
    "vision-encoder-decoder": "VisionEncoderDecoderModel",
    "encoder-decoder": "EncoderDecoderModel",
    "align": "AlignModel",
    "xclip": "XCLIPModel",
    "chinese_clip": "ChineseCLIPModel",
    "graphormer": "GraphormerForGraphClassification",
    "clipseg": "CLIPSegForImageSegmentation",
    "mgp-str": "MgpstrForSceneTextRecognition",
    "blip-2": "Blip2ForConditionalGeneration",
    "pix2struct": "Pix2StructForConditionalGeneration",
}


def task_of(domain: str) -> str:
    """The task within a domain such as "Computer Vision Image Classification"; "" where it is unknown."""
    return max((task for task in _TASKS if domain.endswith(task)), key=len, default="")


def model_type_of(name: str, api_class: str, task: str) -> str | None:
    """The library's model type for a repository; None where nothing suggests one."""
    lowered = name.lower()
    for pattern, model_type in _BY_NAME:
        if re.search(pattern, lowered):
            return model_type
    return _types_by_class().get(api_class) or (_TASKS[task][1] if task else None)


def model_class_of(model_type: str, api_class: str, task: str) -> str:
    """The name of the class whose weights the repository holds."""
    if model_type == "speecht5" and api_class.startswith("SpeechT5For"):
        return api_class
    if model_type in _SPECIAL_CLASSES and not (model_type == "blip" and api_class):
        return _SPECIAL_CLASSES[model_type]
    if _types_by_class().get(api_class) == model_type and "For" in api_class:
        return api_class
    for head in _TASKS[task][0] if task else ():
        found = _mapping(f"MODEL_FOR_{head}_MAPPING_NAMES").get(model_type)
        if found:
            return _first(found)
    for mapping in ("MODEL_FOR_PRETRAINING_MAPPING_NAMES", "MODEL_MAPPING_NAMES"):
        if model_type in _mapping(mapping):
            return _first(_mapping(mapping)[model_type])
    raise LookupError(f"no model class for {model_type}")


@cache
def _types_by_class() -> dict[str, str]:
    """Class name -> model type, from all of the library's auto mappings."""
    found: dict[str, str] = {}
    for name in dir(modeling_auto):
        if name.endswith("_MAPPING_NAMES"):
            for model_type, classes in _mapping(name).items():
                for class_name in classes if isinstance(classes, (tuple, list)) else [classes]:
                    found.setdefault(class_name, model_type)
    return found


def _mapping(name: str) -> dict[str, Any]:
    return getattr(modeling_auto, name, {})


def _first(classes: Any) -> str:
    return classes if isinstance(classes, str) else classes[0]
