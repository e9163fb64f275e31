"""Imports the Hugging Face libraries for forked children: all that can be done once, and no thread.

Much of them is imported only when it is first asked for, which every child would pay for anew:
`torch._dynamo` and sympy alone are 1.9 s of the first pipeline call. The memory allocator of
Arrow, behind pandas and datasets, would start a thread of its own. librosa is compiled while it
is imported, by numba, for half a minute: a build keeps what comes of that (`NUMBA_CACHE_DIR` is
set then), and here it is used.
"""

import importlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"

MODULES = (
    "torch", "torch._dynamo", "sympy", "numpy", "pandas", "scipy.stats", "sklearn.pipeline", "PIL.Image",
    "requests", "soundfile", "datasets", "transformers", "sentence_transformers", "diffusers", "torchaudio",
    "torchvision.transforms", "timm",
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

LAST = ("speechbrain.pretrained", "pyannote.audio.pipelines", "flair.models")
"""They import librosa, and seconds of others each."""

LIBROSA = ("load", "resample", "pyin", "feature.mfcc", "effects.trim", "onset.onset_strength", "beat.beat_track")


def import_librosa() -> None:
    """With numba's cache as the build left it; a copy, since numba uses none that it cannot write to."""
    found = importlib.util.find_spec("librosa")
    kept = Path(found.origin).parents[1] / "numba_cache" if found is not None and found.origin else None
    copy = None
    if kept is not None and kept.is_dir() and "NUMBA_CACHE_DIR" not in os.environ:
        copy = os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp()
        shutil.copytree(kept, copy, dirs_exist_ok=True)
    for name in LIBROSA:
        module, _, attribute = f"librosa.{name}".rpartition(".")
        getattr(importlib.import_module(module), attribute)
    if copy is not None:
        del os.environ["NUMBA_CACHE_DIR"]
        shutil.rmtree(copy)


for module in MODULES:
    importlib.import_module(module)
for library, names in (("transformers", TRANSFORMERS), ("diffusers", DIFFUSERS)):
    for name in names:
        getattr(importlib.import_module(library), name)
import_librosa()
for module in LAST:
    importlib.import_module(module)
importlib.import_module("torch").set_num_threads(1)
