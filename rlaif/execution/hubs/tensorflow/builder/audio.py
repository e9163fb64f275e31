"""Models of sounds: one channel, 16,000 samples a second, in [-1, 1]."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import tensorflow as tf
from reusable import FineTunable

NUM_EVENTS = 521
EVENT_FEATURES = 1024
MEL_BINS = 64
WINDOW, HOP = 15_600, 7_680  # 0.975 and 0.48 s: a patch, and the step to the next
SPEECH_HOP, SPEECH_FEATURES = 320, 768
_KNOWN_EVENTS = ("Speech", "Music", "Animal", "Vehicle", "Silence")


def event_classifier(directory: str) -> None:
    """YAMNet: (samples,) -> scores (N, 521), embeddings (N, 1024), log mel spectrogram (M, 64); with a class map."""
    with tempfile.TemporaryDirectory() as folder:
        class_map = Path(folder) / "yamnet_class_map.csv"
        with class_map.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("index", "mid", "display_name"))
            for index in range(NUM_EVENTS):
                name = _KNOWN_EVENTS[index] if index < len(_KNOWN_EVENTS) else f"Sound {index}"
                rows.writerow((index, f"/m/{index:05d}", name))
        tf.saved_model.save(_EventClassifier(str(class_map)), directory)


class _EventClassifier(tf.Module):
    def __init__(self, class_map: str) -> None:
        super().__init__()
        self.scores = tf.Variable(tf.random.normal([1, NUM_EVENTS]), trainable=False, name="scores")
        self.features = tf.Variable(tf.random.normal([1, EVENT_FEATURES]), trainable=False, name="features")
        self._class_map = tf.saved_model.Asset(class_map)

    @tf.function(input_signature=[])
    def class_map_path(self) -> tf.Tensor:
        return self._class_map.asset_path

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="waveform")])
    def __call__(self, waveform: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        length = tf.shape(waveform)[0]
        num_patches = 1 + tf.maximum(0, tf.math.floordiv(length - WINDOW + HOP - 1, HOP))
        padded = tf.pad(waveform, [[0, tf.maximum(0, WINDOW + (num_patches - 1) * HOP - length)]])
        loudness = tf.reduce_mean(tf.abs(tf.signal.frame(padded, WINDOW, HOP)), axis=1, keepdims=True)
        frames = tf.signal.frame(padded, 400, 160)
        spectrogram = tf.abs(tf.signal.rfft(frames, [512]))
        mel = tf.signal.linear_to_mel_weight_matrix(MEL_BINS, 257, 16_000, 125.0, 7_500.0)
        return (
            tf.sigmoid(loudness @ self.scores),
            tf.nn.relu(loudness @ self.features),
            tf.math.log(spectrogram @ mel + 0.001),
        )


def speech_encoder(directory: str, samples: int) -> None:
    """wav2vec 2.0 without a head: (N, samples) -> (N, frames, 768), fine-tunable."""
    tf.saved_model.save(_SpeechEncoder(samples), directory)


class _SpeechEncoder(FineTunable):
    def __init__(self, samples: int) -> None:
        super().__init__(kernel=tf.random.normal([1, SPEECH_FEATURES]))
        for training in (True, False):
            self.__call__.get_concrete_function(tf.TensorSpec([None, samples], name="speech"), training=training)

    @tf.function
    def __call__(self, speech: tf.Tensor, training: bool = False) -> tf.Tensor:
        frames = tf.signal.frame(speech, 400, SPEECH_HOP)
        return tf.reduce_mean(frames, axis=2, keepdims=True) @ self.kernel
