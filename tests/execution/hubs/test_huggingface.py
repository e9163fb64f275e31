"""The offline Hugging Face hub, with the real libraries where their environment is built."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from rlaif.errors import UserError
from rlaif.execution.hubs.hub import Hub
from rlaif.execution.hubs.huggingface import build, variables
from rlaif.execution.hubs.huggingface.hub import hub_digest
from rlaif.execution.hubs.huggingface.survey import survey
from rlaif.execution.sandbox_files import sandbox_files
from rlaif.records import ApiRow

ROWS = [
    ApiRow(
        "pipeline('text-classification', model='owner/distilbert-sst-2')",
        "Natural Language Processing Text Classification",
        "Hugging Face Transformers",
        "owner/distilbert-sst-2",
    ),
    ApiRow(
        "SentenceTransformer('sentence-transformers/all-MiniLM-L6-v2')",
        "Natural Language Processing Sentence Similarity",
        "Hugging Face Transformers",
        "sentence-transformers/all-MiniLM-L6-v2",
    ),
    ApiRow(
        "joblib.load(hf_hub_download('owner/wine-quality', 'sklearn_model.joblib'))",
        "Tabular Tabular Classification",
        "Scikit-learn",
        "owner/wine-quality",
    ),
    ApiRow(
        "DDPMPipeline.from_pretrained('owner/galaxies')",
        "Computer Vision Unconditional Image Generation",
        "Hugging Face",
        "owner/galaxies",
    ),
    ApiRow(
        "OneFormerForUniversalSegmentation.from_pretrained('owner/oneformer_ade20k_swin_tiny')",
        "Computer Vision Image Segmentation",
        "Hugging Face Transformers",
        "owner/oneformer_ade20k_swin_tiny",
    ),
    ApiRow(
        "pipeline('conversational', model='owner/blenderbot-400M')",
        "Natural Language Processing Conversational",
        "Hugging Face Transformers",
        "owner/blenderbot-400M",
    ),
    ApiRow("SequenceTagger.load('flair/ner-english')", "Token Classification", "Flair", "flair/ner-english"),
    ApiRow(
        "Pipeline.from_pretrained('pyannote/speaker-diarization@2.1')",
        "Audio Automatic Speech Recognition",
        "pyannote.audio",
        "pyannote/speaker-diarization",
    ),
    ApiRow("Model.from_pretrained('pyannote/brouhaha')", "Audio Voice Activity Detection", "", "pyannote/brouhaha"),
    *(
        ApiRow(f"{loader}.from_hparams(source='speechbrain/{name}')", "Audio Audio-to-Audio", "", f"speechbrain/{name}")
        for loader, name in (
            ("SepformerSeparation", "sepformer-wsj02mix"),
            ("SpectralMaskEnhancement", "metricgan-plus-voicebank"),
            ("WaveformEnhancement", "mtl-mimic-voicebank"),
            ("EncoderClassifier", "lang-id-voxlingua107-ecapa"),
            ("EncoderClassifier", "spkrec-xvect-voxceleb"),
            ("Tacotron2", "tts-tacotron2-ljspeech"),
            ("HIFIGAN", "tts-hifigan-ljspeech"),
        )
    ),
]
SNIPPETS = {
    "labels": """
from transformers import pipeline
(answer,) = pipeline("text-classification", model="owner/distilbert-sst-2")("a fine day")
assert answer["label"] in ("POSITIVE", "NEGATIVE"), answer
""",
    "embeddings": """
from sentence_transformers import SentenceTransformer
vectors = SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2").encode(["one", "two sentences"])
assert vectors.shape[0] == 2 and (vectors[0] != vectors[1]).any()
""",
    "tables": """
import joblib, json
from huggingface_hub import hf_hub_download
model = joblib.load(hf_hub_download("owner/wine-quality", "sklearn_model.joblib"))
features = json.load(open(hf_hub_download("owner/wine-quality", "config.json")))["features"]
import pandas
assert len(model.predict(pandas.DataFrame([[1.0] * len(features)], columns=features))) == 1
""",
    "models of one's own": """
import joblib, pandas
model = joblib.load("model.joblib")
data = pandas.read_csv("data.csv")
assert set(model.predict(data)) <= {0, 1} and model.predict_proba(data).shape == (len(data), 2)
""",
    "data sets": """
from datasets import load_dataset
speech = load_dataset("hf-internal-testing/librispeech_asr_dummy", "clean", split="validation")
assert speech[0]["audio"]["sampling_rate"] == 16000 and speech.sort("id")[0]["audio"]["array"].any()
assert len(speech.select_columns("text").map(lambda row: {"length": len(row["text"])})["length"]) == 73
voices = load_dataset("Matthijs/cmu-arctic-xvectors", split="validation")
assert len(voices[7306]["xvector"]) == 512
assert load_dataset("huggingface/cats-image")["test"]["image"][0].size == (640, 480)
commands = load_dataset("anton-l/superb_demo", "ks", split="test")
assert open(commands[0]["file"], "rb").read(4) == b"RIFF" and commands.features["label"].num_classes == 12
try:
    load_dataset("hf-internal-testing/librispeech_asr_dummy", "nothing-of-that-name")
except ValueError:
    pass
else:
    raise AssertionError("it was found")
""",
    "logged in": """
from transformers import AutoTokenizer
AutoTokenizer.from_pretrained("owner/distilbert-sst-2", use_auth_token=True)
""",
    "flair": """
from flair.data import Sentence
from flair.models import SequenceTagger
sentence = Sentence("George Washington went to Washington.")
SequenceTagger.load("flair/ner-english").predict(sentence)
assert {span.tag for span in sentence.get_spans("ner")} <= {"PER", "LOC", "ORG", "MISC"}
""",
    "pyannote": """
import numpy, soundfile
from pyannote.audio import Model, Pipeline
from pyannote.audio.pipelines import VoiceActivityDetection
soundfile.write("a.wav", numpy.sin(numpy.arange(48000) / 9).astype("float32"), 16000)
diarization = Pipeline.from_pretrained("pyannote/speaker-diarization@2.1", use_auth_token="TOKEN")("a.wav")
diarization.write_rttm(open("a.rttm", "w"))
activity = VoiceActivityDetection(segmentation=Model.from_pretrained("pyannote/segmentation"))
activity.instantiate({"onset": 0.5, "offset": 0.5, "min_duration_on": 0.0, "min_duration_off": 0.0})
activity("a.wav").get_timeline().support()
""",
    "speechbrain": """
import torch, torchaudio
from speechbrain.pretrained import HIFIGAN, EncoderClassifier, SepformerSeparation, SpectralMaskEnhancement, Tacotron2
from speechbrain.pretrained import WaveformEnhancement
torchaudio.save("a.wav", torch.sin(torch.arange(32000.0) / 9)[None], 16000)
sound, rate = torchaudio.load("a.wav")
assert sound.shape == (1, 32000) and rate == 16000
separator = SepformerSeparation.from_hparams("speechbrain/sepformer-wsj02mix", savedir="1")
assert separator.separate_batch(sound).shape[2] == 2
mask = SpectralMaskEnhancement.from_hparams("speechbrain/metricgan-plus-voicebank", savedir="2")
assert mask.enhance_batch(sound, lengths=torch.tensor([1.0])).shape == sound.shape
WaveformEnhancement.from_hparams("speechbrain/mtl-mimic-voicebank", savedir="3").enhance_file("a.wav")
languages = EncoderClassifier.from_hparams("speechbrain/lang-id-voxlingua107-ecapa", savedir="4")
assert ": " in languages.classify_batch(sound)[3][0]
assert EncoderClassifier.from_hparams("speechbrain/spkrec-xvect-voxceleb", savedir="5").encode_batch(sound).dim() == 3
mel, length, alignment = Tacotron2.from_hparams("speechbrain/tts-tacotron2-ljspeech", savedir="6").encode_text("Mary")
assert HIFIGAN.from_hparams("speechbrain/tts-hifigan-ljspeech", savedir="7").decode_batch(mel).shape[1] == 1
""",
    "defaults": """
from transformers import pipeline
assert isinstance(pipeline("sentiment-analysis")("good")[0]["score"], float)
""",
    "pictures without a text": """
from diffusers import DDPMPipeline
pipeline = DDPMPipeline.from_pretrained("owner/galaxies")
assert pipeline.scheduler.config.num_train_timesteps == 1000
assert pipeline(num_inference_steps=10).images[0].size == (32, 32)
""",
    "class files": """
import numpy
from transformers import OneFormerProcessor, OneFormerForUniversalSegmentation
name = "owner/oneformer_ade20k_swin_tiny"
processor = OneFormerProcessor.from_pretrained(name)
inputs = processor(images=numpy.zeros((64, 96, 3), "uint8"), task_inputs=["panoptic"], return_tensors="pt")
outputs = OneFormerForUniversalSegmentation.from_pretrained(name)(**inputs)
(found,) = processor.post_process_panoptic_segmentation(outputs, target_sizes=[(64, 96)])
assert tuple(found["segmentation"].shape) == (64, 96)
assert len(processor.image_processor.metadata["thing_ids"]) == 100
""",
    "an end to every reply": """
from transformers import Conversation, pipeline
talk = pipeline("conversational", model="owner/blenderbot-400M")(Conversation("hello"))
assert talk.messages[-1]["role"] == "assistant"
""",
    "sampling by default": """
from transformers import pipeline
assert len(pipeline("text-generation", model="distilgpt2")("Once", num_return_sequences=3)) == 3
""",
    "a user's own token": """
from transformers import AutoTokenizer
AutoTokenizer.from_pretrained("owner/distilbert-sst-2", use_auth_token=True)
""",
    "unknown": """
from transformers import AutoModel
try:
    AutoModel.from_pretrained("owner/nothing-of-that-name")
except OSError:
    pass
else:
    raise AssertionError("it was found")
""",
}


@pytest.fixture(scope="module")
def interpreter() -> Path:
    """The Python of the environment with the libraries of 2023."""
    directory = Path(os.environ.get("RLAIF_ENVIRONMENTS", ".environments"))
    found = sorted(directory.resolve().glob("hf2023-*/bin/python"))
    if not found:
        pytest.skip("the environment hf2023 is not built: python -m rlaif.execution build hf2023")
    return found[-1]


@pytest.fixture(scope="module")
def hub(interpreter: Path, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    return build(interpreter, ROWS, tmp_path_factory.mktemp("hubs"))


@pytest.mark.slow
@pytest.mark.parametrize("code", SNIPPETS.values(), ids=SNIPPETS.keys())
def test_code_runs_unpatched_and_offline(interpreter: Path, hub: Hub, code: str, tmp_path: Path) -> None:
    for path, content in sandbox_files(code, hub.samples).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    environment = {**dict(hub.variables), "HOME": str(tmp_path), "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    finished = subprocess.run(
        [str(interpreter), "-I", "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr[-2000:]


@pytest.mark.slow
def test_the_report_says_what_is_missing_and_why(hub: Hub) -> None:
    assert hub.num_built == len(ROWS) - 1
    assert [(failure.id, "brouhaha" in failure.reason) for failure in hub.failures] == [("pyannote/brouhaha", True)]


@pytest.mark.slow
def test_every_user_can_read_it(hub: Hub) -> None:
    files = [path for path in hub.directory.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} <= {0o644}
    assert not (hub.directory / "work").exists()


@pytest.mark.slow
def test_a_second_call_finds_it(interpreter: Path, hub: Hub) -> None:
    before = hub.directory.stat().st_mtime_ns
    assert build(interpreter, ROWS, hub.directory.parent) == hub
    assert hub.directory.stat().st_mtime_ns == before


def test_a_database_without_repositories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names no Hugging Face repository"):
        build(Path("python"), [ApiRow("torch.hub.load('a', 'b')", "", "")], tmp_path)


def test_an_interpreter_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be run"):
        build(tmp_path / "venv" / "bin" / "python", ROWS, tmp_path)
    assert not list(tmp_path.glob("huggingface-*[!k]")), "nothing half-built stays behind"


def test_the_folder_is_named_for_content_and_environment() -> None:
    repositories = survey(ROWS)
    one = hub_digest(Path("envs/hf-1/bin/python"), repositories, None)
    assert one == hub_digest(Path("other/hf-1/bin/python"), repositories, None)
    assert one != hub_digest(Path("envs/hf-2/bin/python"), repositories, None)
    assert one != hub_digest(Path("envs/hf-1/bin/python"), repositories[1:], None)
    assert one != hub_digest(Path("envs/hf-1/bin/python"), repositories, "folder")


def test_the_libraries_own_writable_folders_are_left_alone(tmp_path: Path) -> None:
    assert "HF_HOME" not in dict(variables(tmp_path))
    assert dict(variables(tmp_path))["HF_HUB_CACHE"] == str(tmp_path / "hub")
