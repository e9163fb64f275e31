"""Imports the Hugging Face libraries for forked children: all that can be done once, and no thread.

Much of them is imported only when it is first asked for, which every child would pay for anew:
`torch._dynamo` and sympy alone are 1.9 s of the first pipeline call. The memory allocator of
Arrow, behind pandas and datasets, would start a thread of its own.
"""

import importlib
import os

os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"

MODULES = (
    "torch", "torch._dynamo", "sympy", "numpy", "pandas", "scipy.stats", "sklearn.pipeline", "PIL.Image",
    "requests", "soundfile", "datasets", "transformers", "sentence_transformers", "diffusers",
)  # fmt: skip
TRANSFORMERS = (
    "pipeline", "AutoModel", "AutoTokenizer", "AutoProcessor", "AutoFeatureExtractor", "AutoImageProcessor",
    "BertForSequenceClassification", "BertTokenizerFast", "RobertaForSequenceClassification",
    "RobertaTokenizerFast", "DistilBertForSequenceClassification", "DistilBertTokenizerFast",
    "XLMRobertaForSequenceClassification", "T5ForConditionalGeneration", "T5TokenizerFast", "GPT2LMHeadModel",
    "GPT2TokenizerFast", "BartForConditionalGeneration", "BartTokenizerFast", "MarianMTModel",
    "Wav2Vec2ForCTC", "Wav2Vec2Processor", "WhisperForConditionalGeneration", "WhisperProcessor",
    "ViTForImageClassification", "ViTImageProcessor", "CLIPModel", "CLIPProcessor",
)  # fmt: skip
DIFFUSERS = ("StableDiffusionPipeline", "StableDiffusionControlNetPipeline", "DDPMPipeline", "DDIMPipeline")

for module in MODULES:
    importlib.import_module(module)
for library, names in (("transformers", TRANSFORMERS), ("diffusers", DIFFUSERS)):
    for name in names:
        getattr(importlib.import_module(library), name)
importlib.import_module("torch").set_num_threads(1)
