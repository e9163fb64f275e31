"""The offline TensorFlow Hub: what is surveyed, and whether the models keep their contracts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rlaif.data.api_database import read_database
from rlaif.errors import UserError
from rlaif.execution.hubs.hub import Hub
from rlaif.execution.hubs.tensorflow import build, handles_in, survey
from rlaif.execution.hubs.tensorflow.build import hub_digest
from rlaif.execution.hubs.tensorflow.survey import find_contract
from rlaif.records import ApiRow

INTERPRETER_VARIABLE = "RLAIF_TF2023_PYTHON"
HUB = "https://tfhub.dev/"
IMAGENET, IMAGE = "google/imagenet/", "images.image_model"
HANDLES = (
    "google/universal-sentence-encoder/4",
    "google/imagenet/mobilenet_v2_100_224/feature_vector/4",
    "google/imagenet/inception_v3/classification/5",
    "google/imagenet/inception_v3/feature_vector/1",
    "google/openimages_v4/ssd/mobilenet_v2/1",
    "tensorflow/ssd_mobilenet_v2/2",
    "tensorflow/efficientdet/lite0/detection/1",
    "google/movenet/singlepose/lightning/4",
    "google/yamnet/1",
    "vasudevgupta7/wav2vec2/1",
    "tensorflow/deeplabv3/1",
)
ROWS = [ApiRow(f"hub.load('{HUB}{handle}')", "", "") for handle in HANDLES]


def test_survey_reads_calls_and_examples_once_each() -> None:
    rows = [
        ApiRow(f"hub.load('{HUB}google/yamnet/1')", "Sound", "", examples=f'hub.load("{HUB}google/yamnet/1")'),
        ApiRow("hub.KerasLayer(model_id)", "Text", "", examples=f"url = '{HUB}a/b-c/2'\nmodel = hub.load(url)"),
        ApiRow("tf.keras.Sequential()", "", "", examples="`https://tfhub.dev/x/y/3`."),
    ]
    assert [model.handle for model in survey(rows)] == [f"{HUB}a/b-c/2", f"{HUB}google/yamnet/1", f"{HUB}x/y/3"]
    assert survey([ApiRow("torch.hub.load('a/b', 'c')", "", "")]) == []


@pytest.mark.parametrize(
    ("handle", "domain", "contract", "options"),
    [
        (f"{IMAGENET}mobilenet_v2_140_224/feature_vector/4", "", IMAGE, {"size": 224, "outputs": 1792}),
        (f"{IMAGENET}mobilenet_v2_050_224/feature_vector/4", "", IMAGE, {"size": 224, "outputs": 1280}),
        (f"{IMAGENET}mobilenet_v1_050_160/classification/4", "", IMAGE, {"size": None, "outputs": 1001}),
        (f"{IMAGENET}mobilenet_v1_050_160/feature_vector/4", "", IMAGE, {"size": None, "outputs": 512}),
        (f"{IMAGENET}inception_v3/feature_vector/1", "", "images.legacy_image_model", {"size": 299, "outputs": 2048}),
        (f"{IMAGENET}inception_v3/feature_vector/5", "", IMAGE, {"size": None, "outputs": 2048}),
        ("google/tf2-preview/nnlm-en-dim50/1", "", "text.embedding", {"dimensions": 50, "checks_rank": True}),
        ("google/tf2-preview/gnews-swivel-20dim/1", "", "text.embedding", {"dimensions": 20, "checks_rank": True}),
        ("google/model_id/1", "Audio classification", "audio.event_classifier", {}),
        (f"{IMAGENET}resnet_v2_50/feature_vector/5", "text", IMAGE, {"size": None, "outputs": 2048}),
    ],
)
def test_contracts_follow_the_handle(handle: str, domain: str, contract: str, options: dict[str, object]) -> None:
    model = find_contract(HUB + handle, domain)
    assert (model.contract, model.options) == (contract, options)


def test_every_handle_of_the_database_has_a_contract(apibench_dir: Path) -> None:
    rows, _ = read_database(apibench_dir / "api" / "tensorflowhub_api.jsonl")
    models = survey(rows)
    assert len(models) == 58
    by_contract = Counter(model.contract for model in models)
    assert by_contract["images.image_model"] == 25
    assert by_contract["text.embedding"] == 4


def test_digest_covers_handles_and_contracts() -> None:
    models = survey(ROWS)
    assert hub_digest(models) == hub_digest(survey(reversed(ROWS)))
    assert hub_digest(models) != hub_digest(models[1:])


def test_a_database_without_handles_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names no TensorFlow Hub handle"):
        build(Path(sys.executable), [ApiRow("pipeline('x')", "", "")], tmp_path)


def test_an_interpreter_without_tensorflow_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        build(tmp_path / "python", ROWS, tmp_path)
    with pytest.raises(UserError, match="No module named 'tensorflow'"):
        build(Path(sys.executable), ROWS, tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


@pytest.fixture(scope="session")
def interpreter() -> Path:
    path = os.environ.get(INTERPRETER_VARIABLE)
    if not path:
        pytest.skip(f"{INTERPRETER_VARIABLE} does not name the Python of a built tf2023 environment")
    return Path(path)


@pytest.fixture(scope="session")
def hub(interpreter: Path, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    return build(interpreter, ROWS, tmp_path_factory.mktemp("hubs"))


@pytest.mark.slow
def test_the_hub_is_built_once(hub: Hub, interpreter: Path) -> None:
    assert (hub.num_built, hub.failures) == (len(HANDLES), ())
    assert handles_in(hub) == {HUB + handle for handle in HANDLES}
    before = {path: path.stat().st_mtime_ns for path in hub.directory.rglob("*")}
    assert build(interpreter, ROWS, hub.directory.parent) == hub
    assert {path: path.stat().st_mtime_ns for path in hub.directory.rglob("*")} == before
    assert sum(path.stat().st_size for path in hub.directory.rglob("*")) < 2 << 20


CONTRACT = """
import csv, json, sys
import numpy as np, tensorflow as tf, tensorflow_hub as hub
H = "https://tfhub.dev/"
def shape(x): return [int(n) for n in x.shape]
def refuses(kind, function):
    try: function()
    except kind: return True
    return False
out = {}
embed = hub.load(H + "google/universal-sentence-encoder/4")
out["sentences"] = shape(embed(["a cat", "the dog runs"]))
out["same"] = bool(np.allclose(embed(["a cat"]), embed(["a cat"])))
out["differ"] = not np.allclose(embed(["a cat"]), embed(["the dog runs"]))
out["one sentence"] = refuses(Exception, lambda: embed("a cat"))
model = tf.keras.Sequential([
    hub.KerasLayer(H + "google/imagenet/mobilenet_v2_100_224/feature_vector/4", input_shape=(224, 224, 3),
                   trainable=True),
    tf.keras.layers.Dense(2)])
model.compile("sgd", "mse")
layer = model.layers[0]
before = layer.trainable_variables[0].numpy().copy()
model.fit(np.random.rand(4, 224, 224, 3), np.ones((4, 2)), verbose=0)
out["trains"] = not np.allclose(before, layer.trainable_variables[0].numpy())
out["features"] = shape(layer(np.zeros((1, 224, 224, 3), "float32"), training=True))
out["fixed size"] = refuses((TypeError, ValueError), lambda: layer(np.zeros((1, 128, 128, 3), "float32")))
out["any size"] = shape(hub.load(H + "google/imagenet/inception_v3/classification/5")(tf.zeros([1, 180, 200, 3])))
old = hub.load(H + "google/imagenet/inception_v3/feature_vector/1")
out["old model"] = refuses(TypeError, lambda: old(tf.zeros([1, 299, 299, 3])))
out["old features"] = shape(old.signatures["default"](tf.zeros([1, 299, 299, 3]))["default"])
objects = hub.load(H + "google/openimages_v4/ssd/mobilenet_v2/1").signatures["default"](tf.zeros([1, 50, 60, 3]))
out["old objects"] = {k: shape(v) for k, v in objects.items()}
ssd = hub.load(H + "tensorflow/ssd_mobilenet_v2/2")
out["objects"] = {k: shape(v) for k, v in ssd(tf.zeros([1, 50, 60, 3], tf.uint8)).items()}
out["float picture"] = refuses((TypeError, ValueError), lambda: ssd(tf.zeros([1, 50, 60, 3])))
out["two pictures"] = refuses((TypeError, ValueError), lambda: ssd(tf.zeros([2, 50, 60, 3], tf.uint8)))
lite = hub.load(H + "tensorflow/efficientdet/lite0/detection/1")
boxes, scores, classes, number = lite(tf.zeros([2, 50, 60, 3], tf.uint8))
out["lite"] = [shape(boxes), shape(scores), shape(classes), shape(number)]
pose = hub.load(H + "google/movenet/singlepose/lightning/4").signatures["serving_default"]
out["pose"] = shape(pose(tf.zeros([1, 192, 192, 3], tf.int32))["output_0"])
yamnet = hub.load(H + "google/yamnet/1")
out["sounds"] = [shape(x) for x in yamnet(np.zeros(3 * 16000, "float32"))]
names = list(csv.DictReader(tf.io.gfile.GFile(yamnet.class_map_path().numpy())))
out["names"] = [len(names), names[0]["display_name"]]
speech = hub.KerasLayer(H + "vasudevgupta7/wav2vec2/1", trainable=True)
out["speech"] = shape(speech(tf.zeros([1, 246000])))
segments = hub.KerasLayer(H + "tensorflow/deeplabv3/1", output_key="SemanticPredictions")
out["segments"] = shape(segments(tf.zeros([1, 20, 30, 3], tf.uint8)))
print(json.dumps(out))
"""


@pytest.mark.slow
def test_models_keep_their_contracts(hub: Hub, interpreter: Path, tmp_path: Path) -> None:
    """Through tensorflow_hub itself, from a cache that it may not write to."""
    hub.directory.chmod(0o555)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": "", **dict(hub.variables)}
    ended = subprocess.run(
        [str(interpreter), "-I", "-c", CONTRACT], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "sentences": [2, 512],
        "same": True,
        "differ": True,
        "one sentence": True,
        "trains": True,
        "features": [1, 1280],
        "fixed size": True,
        "any size": [1, 1001],
        "old model": True,
        "old features": [1, 2048],
        "old objects": {
            "detection_boxes": [100, 4],
            "detection_scores": [100],
            "detection_class_labels": [100],
            "detection_class_names": [100],
            "detection_class_entities": [100],
        },
        "objects": {
            "detection_anchor_indices": [1, 100],
            "detection_boxes": [1, 100, 4],
            "detection_classes": [1, 100],
            "detection_multiclass_scores": [1, 100, 91],
            "detection_scores": [1, 100],
            "num_detections": [1],
            "raw_detection_boxes": [1, 200, 4],
            "raw_detection_scores": [1, 200, 90],
        },
        "float picture": True,
        "two pictures": True,
        "lite": [[2, 100, 4], [2, 100], [2, 100], [2]],
        "pose": [1, 1, 17, 3],
        "sounds": [[6, 521], [6, 1024], [336, 64]],
        "names": [521, "Speech"],
        "speech": [1, 768, 768],
        "segments": [1, 20, 30],
    }
