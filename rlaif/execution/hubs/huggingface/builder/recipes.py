"""What a repository is to hold; repositories that come out alike share one recipe, and are built once."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from transformers import PretrainedConfig

from .architectures import model_class_of, model_type_of, task_of
from .configs import tiny_config
from .tokenization import tokenizer_class


class NotBuildable(Exception):
    """A repository that this environment has no library for, or that has nothing to build; says which."""


@dataclass(frozen=True)
class Wanted:
    """What the request says of one repository."""

    id: str
    api_class: str
    domain: str
    provider: str
    revisions: tuple[str, ...]
    variants: tuple[str, ...]

    @property
    def task(self) -> str:
        return task_of(self.domain)


@dataclass(frozen=True)
class Recipe:
    """How to build a folder of files."""

    kind: str
    """transformers, composite, diffusers, sentence, timm, tabular, speechbrain, pyannote or flair"""
    model_type: str
    class_name: str
    name: str
    """An id that it is for; the first of those that share it."""
    task: str
    config: PretrainedConfig | None = field(default=None, compare=False)
    content: str = ""
    """All that the files depend on."""

    @property
    def key(self) -> str:
        text = json.dumps([self.kind, self.model_type, self.class_name, self.content])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


_DIFFUSION_TASKS = ("Unconditional Image Generation", "Text-to-Image", "Text-to-Video")
_OWN_FORMATS = (  # libraries of the environment whose repositories are in a format of their own
    (r"speechbrain/|taltechnlp/voxlingua|tts-hifigan-german|tts-tacotron2-german", "speechbrain"),
    (r"pyannote|anilbs/segmentation|voice-activity|speaker-diarization", "pyannote"),
    (r"^flair/", "flair"),
)
_OTHER_LIBRARIES = (
    (r"espnet|/kan-bayashi|^mio/|syspin/|imdanboy/jets|kazusam/kt|lakahaga|ljspeech-jets", "ESPnet"),
    (r"facebook/(?:fastspeech2|tts_transformer|unit_hifigan|xm_transformer|textless)", "fairseq"),
    (r"yolov[58]", "Ultralytics"),
    (r"^sb3/|humancompatibleai/|^araffin/", "Stable-Baselines3"),
    (r"poca-|0xid/", "ML-Agents"),
    (r"joriscos/|dprnntasnet|sepclean|audio_source_separation", "Asteroid"),
    (r"faster-whisper", "CTranslate2"),
    (r"^keras-io/|maxim-s3|dummy-titanic", "Keras"),
    (r"fsmn-vad", "FunASR"),
    (r"lightweight_gan|butterfly_cropped_uniq1k", "huggan"),
    (r"ofa_model_weights", "OFA"),
    (r"vc1-large", "vc_models"),
    (r"lllyasviel/(?:annotators|controlnet)$", "each annotator's own network"),
)


def recipe_of(wanted: Wanted) -> Recipe:
    """The recipe for a repository. Raises NotBuildable where there is none."""
    name, task = wanted.id, wanted.task
    lowered = name.lower()
    for pattern, library in _OTHER_LIBRARIES:
        if re.search(pattern, lowered):
            raise NotBuildable(f"needs {library}, which is not in the environment")
    for pattern, kind in _OWN_FORMATS:
        if re.search(pattern, lowered):
            return Recipe(kind, "", "", name, task, content=name)
    if _is_diffusion(wanted):
        return Recipe("diffusers", "", wanted.api_class, name, task, content=_diffusion_content(wanted))
    if wanted.domain.startswith("Tabular") or wanted.provider in ("Joblib", "Scikit-learn"):
        return Recipe("tabular", "", "", name, task, content=f"{task}:{_table_of(name)}")
    if wanted.api_class == "timm":
        if importlib.util.find_spec("timm") is None:
            raise NotBuildable("needs timm, which is not in the environment")
        return Recipe("timm", "", "", name, task, content=name)
    return _transformers_recipe(wanted)


def alone(recipe: Recipe, wanted: Wanted) -> Recipe:
    """The recipe for one repository alone, where that has files of its own."""
    if recipe.kind not in ("transformers", "sentence", "composite"):
        return recipe
    return replace(recipe, name=wanted.id, content=f"{recipe.content} for {wanted.id}")


def _transformers_recipe(wanted: Wanted) -> Recipe:
    name, task = wanted.id, wanted.task
    model_type = model_type_of(name, wanted.api_class, task)
    if model_type is None:
        raise NotBuildable("neither its name, its class nor its task tells an architecture")
    if model_type in ("vision-encoder-decoder", "encoder-decoder"):
        variant = tokenizer_class(model_type, name) or ""
        content = f"{variant}:{'donut' in name.lower()}:{'trocr' in name.lower()}"
        class_name = model_class_of(model_type, wanted.api_class, task)
        return Recipe("composite", model_type, class_name, name, task, content=content)
    is_sentence = wanted.api_class == "SentenceTransformer" or name.startswith("sentence-transformers/")
    class_name = model_class_of(model_type, "" if is_sentence else wanted.api_class, "" if is_sentence else task)
    config = tiny_config(model_type, name, task)
    content: list[Any] = [config.to_json_string(use_diff=False), tokenizer_class(model_type, name), task_files(task)]
    content.append(re.search(r"(?<!un)cased", name.lower()) is not None)
    if model_type == "marian":
        content.append(name.rsplit("/", 1)[-1])  # the tokenizer knows the two languages
    kind = "sentence" if is_sentence else "transformers"
    return Recipe(kind, model_type, class_name, name, task, config, json.dumps(content, default=str))


def task_files(task: str) -> bool:
    """Whether a speech model comes with a tokenizer: one that only classifies or embeds has no text."""
    return task in ("Automatic Speech Recognition", "Text-to-Speech", "Audio-to-Audio", "")


def _is_diffusion(wanted: Wanted) -> bool:
    lowered = wanted.id.lower()
    if re.search(r"controlnet|control_v1|annotators|sd-image-variations|sheepscontrol", lowered):
        return True
    if re.search(r"stable-diffusion|-diffusion\b|sd-vae|ddpm|upscaler|openjourney|text-to-video", lowered):
        return "grasp" not in lowered
    return wanted.task == "" and any(wanted.domain.endswith(task) for task in _DIFFUSION_TASKS)


def _diffusion_content(wanted: Wanted) -> str:
    from .diffusion import pipeline_of

    return pipeline_of(wanted.id, wanted.api_class)


def _table_of(name: str) -> str:
    from .tabular import table_of

    return table_of(name)
