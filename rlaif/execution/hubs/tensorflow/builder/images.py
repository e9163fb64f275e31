"""Models of images and videos: classification, features, segmentation, poses."""

from __future__ import annotations

from collections.abc import Callable

import legacy
import tensorflow as tf
from reusable import FineTunable

NUM_KEYPOINTS = 17


def image_model(directory: str, size: int | None, outputs: int) -> None:
    """(N, size, size, 3) in [0, 1] -> (N, outputs); fine-tunable, with TF-Slim's arguments.

    Args:
        size: the side of the images; None takes any.
        outputs: logits of a classifier, or features.
    """
    model = _ImageModel(size, outputs)
    tf.saved_model.save(model, directory, signatures=model.serving)


class _ImageModel(FineTunable):
    def __init__(self, size: int | None, outputs: int) -> None:
        super().__init__(kernel=tf.random.normal([3, outputs]), bias=tf.zeros([outputs]))
        self._inputs = tf.TensorSpec([None, size, size, 3], tf.float32, name="inputs")
        momentum = tf.TensorSpec([], tf.float32, name="batch_norm_momentum")
        for training in (True, False):
            self.__call__.get_concrete_function(self._inputs, training=training, batch_norm_momentum=momentum)
        self.serving = tf.function(lambda inputs: {"logits": self._apply(inputs)}).get_concrete_function(self._inputs)

    @tf.function
    def __call__(
        self, inputs: tf.Tensor, training: bool = False, batch_norm_momentum: float | tf.Tensor = 0.99
    ) -> tf.Tensor:
        return self._apply(inputs)

    def _apply(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(inputs, [1, 2]) @ self.kernel + self.bias


def legacy_image_model(directory: str, size: int, outputs: int) -> None:
    """(N, size, size, 3) in [0, 1] -> (N, outputs), in the format of TensorFlow 1's Hub."""

    def apply(images: tf.Tensor) -> dict[str, tf.Tensor]:
        kernel = tf.compat.v1.get_variable("kernel", [3, outputs])
        return {"default": tf.reduce_mean(images, [1, 2]) @ kernel}

    names = ("default", "image_classification" if outputs == 1001 else "image_feature_vector")
    legacy.save(directory, "images", [None, size, size, 3], apply, names)


def segmenter(directory: str, dtype: str) -> None:
    """(N, H, W, 3) -> {"SemanticPredictions": (N, H, W) class numbers}"""

    def apply(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = tf.cast(inputs, tf.float32) @ tf.random.stateless_normal([3, 21], seed=[1, 2])
        return {"SemanticPredictions": tf.argmax(scores, axis=-1)}

    save_function(directory, apply, [tf.TensorSpec([None, None, None, 3], dtype, name="inputs")])


def pose_model(directory: str, size: int) -> None:
    """(1, size, size, 3) int32 in [0, 255] -> {"output_0": (1, 1, 17, 3)}: y, x and score of each keypoint.

    It has a signature, and cannot be called itself.
    """
    model = tf.Module()
    model.keypoints = tf.Variable(tf.random.uniform([1, 1, NUM_KEYPOINTS, 3]), name="keypoints")

    @tf.function(input_signature=[tf.TensorSpec([1, size, size, 3], tf.int32, name="input")])
    def serve(input: tf.Tensor) -> dict[str, tf.Tensor]:
        brightness = tf.reduce_mean(tf.cast(input, tf.float32)) / 255.0
        return {"output_0": model.keypoints * (0.5 + 0.5 * brightness)}

    tf.saved_model.save(model, directory, signatures={"serving_default": serve})


def video_classifier(directory: str, num_classes: int) -> None:
    """(N, frames, H, W, 3) in [0, 1] -> (N, num_classes)"""

    def apply(inputs: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(inputs, [1, 2, 3]) @ tf.random.stateless_normal([3, num_classes], seed=[1, 2])

    save_function(directory, apply, [tf.TensorSpec([None, None, None, None, 3], tf.float32, name="inputs")])


def save_function(directory: str, function: Callable, signature: list[tf.TensorSpec]) -> None:
    """A model that can be called, without weights to train."""
    model = tf.Module()
    model.__call__ = tf.function(function, input_signature=signature)
    tf.saved_model.save(model, directory)
