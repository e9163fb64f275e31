"""Imports the Hugging Face libraries for forked children: all that can be done once, and no thread.

Much of them is imported only when it is first asked for, which every child would pay for anew:
`torch._dynamo` and sympy alone are 1.9 s of the first pipeline call. Arrow, behind pandas and
datasets, would start a thread in its memory pool; with the system's it does not.
"""

import os

os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

import datasets  # noqa: F401
import diffusers
import numpy  # noqa: F401
import pandas  # noqa: F401
import PIL.Image  # noqa: F401
import requests  # noqa: F401
import scipy.stats  # noqa: F401
import sentence_transformers  # noqa: F401
import sklearn.pipeline  # noqa: F401
import soundfile  # noqa: F401
import sympy  # noqa: F401
import torch
import torch._dynamo
import transformers

ASKED_FOR_LATER = (
    transformers.pipeline,
    transformers.AutoModel,
    transformers.AutoTokenizer,
    transformers.AutoProcessor,
    transformers.BertForSequenceClassification,
    transformers.RobertaForSequenceClassification,
    transformers.DistilBertForSequenceClassification,
    transformers.T5ForConditionalGeneration,
    transformers.GPT2LMHeadModel,
    transformers.BartForConditionalGeneration,
    transformers.Wav2Vec2ForCTC,
    transformers.WhisperForConditionalGeneration,
    transformers.ViTForImageClassification,
    transformers.CLIPModel,
    transformers.BertTokenizerFast,
    transformers.RobertaTokenizerFast,
    transformers.T5TokenizerFast,
    transformers.GPT2TokenizerFast,
    diffusers.StableDiffusionPipeline,
    diffusers.DDPMPipeline,
)
torch.set_num_threads(1)
