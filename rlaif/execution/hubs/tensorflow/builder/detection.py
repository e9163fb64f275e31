"""Object detectors: boxes in [0, 1] as (ymin, xmin, ymax, xmax), the surest first."""

from __future__ import annotations

import legacy
import tensorflow as tf
from images import save_function

NUM_DETECTIONS = 100
NUM_ANCHORS = 200
NUM_CLASSES = 90


def detector(directory: str, dtype: str, raw: bool) -> None:
    """(1, H, W, 3) -> what an exported model of the Object Detection API gives, for COCO's 90 classes.

    Args:
        dtype: uint8, or float32 in [0, 1].
        raw: whether it gives what was there before suppression too.
    """

    def apply(input_tensor: tf.Tensor) -> dict[str, tf.Tensor]:
        boxes, scores = _detections(tf.cast(input_tensor, tf.float32))
        found = {
            "detection_boxes": boxes[None],
            "detection_classes": tf.cast(1 + tf.range(NUM_DETECTIONS) % NUM_CLASSES, tf.float32)[None],
            "detection_scores": scores[None],
            "num_detections": tf.constant([float(NUM_DETECTIONS)]),
        }
        if raw:
            found |= {
                "detection_anchor_indices": tf.range(NUM_DETECTIONS, dtype=tf.float32)[None],
                "detection_multiclass_scores": tf.repeat(scores[None, :, None], NUM_CLASSES + 1, axis=2),
                "raw_detection_boxes": tf.repeat(boxes[None], NUM_ANCHORS // NUM_DETECTIONS, axis=1),
                "raw_detection_scores": tf.zeros([1, NUM_ANCHORS, NUM_CLASSES]) + scores[0],
            }
        return found

    save_function(directory, apply, [tf.TensorSpec([1, None, None, 3], dtype, name="input_tensor")])


def lite_detector(directory: str) -> None:
    """(N, H, W, 3) uint8 -> boxes in pixels, scores, classes, numbers of detections"""

    def apply(images: tf.Tensor) -> tuple[tf.Tensor, ...]:
        boxes, scores = _detections(tf.cast(images, tf.float32))
        count = tf.shape(images)[0]
        sides = tf.cast(tf.tile(tf.shape(images)[1:3], [2]), tf.float32)
        return (
            tf.tile((boxes * sides)[None], [count, 1, 1]),
            tf.tile(scores[None], [count, 1]),
            tf.tile(tf.cast(1 + tf.range(NUM_DETECTIONS) % NUM_CLASSES, tf.float32)[None], [count, 1]),
            tf.fill([count], NUM_DETECTIONS),
        )

    save_function(directory, apply, [tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")])


def legacy_detector(directory: str) -> None:
    """(1, H, W, 3) in [0, 1] -> boxes and names of Open Images' classes, in the format of TensorFlow 1's Hub."""

    def apply(images: tf.Tensor) -> dict[str, tf.Tensor]:
        boxes, scores = _detections(images * 255.0)
        return {
            "detection_boxes": boxes,
            "detection_scores": scores[:, None][:, 0],
            "detection_class_labels": tf.range(NUM_DETECTIONS, dtype=tf.int64) + 1,
            "detection_class_names": tf.fill([NUM_DETECTIONS], "/m/01g317"),
            "detection_class_entities": tf.fill([NUM_DETECTIONS], "Person"),
        }

    legacy.save(directory, "images", [1, None, None, 3], apply)


def _detections(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(100, 4) boxes and (100,) falling scores that depend on the picture's brightness."""
    corners = tf.sort(tf.random.stateless_uniform([NUM_DETECTIONS, 2, 2], seed=[1, 2]), axis=1)
    brightness = tf.reduce_mean(images) / 255.0
    scores = (0.6 + 0.3 * tf.clip_by_value(brightness, 0.0, 1.0)) * tf.linspace(1.0, 0.1, NUM_DETECTIONS)
    return tf.reshape(corners, [NUM_DETECTIONS, 4]), scores
