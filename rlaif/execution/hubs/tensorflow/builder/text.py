"""Text embeddings."""

from __future__ import annotations

import tensorflow as tf
from reusable import FineTunable


def embedding(directory: str, dimensions: int, checks_rank: bool) -> None:
    """(N,) strings -> (N, dimensions), fine-tunable.

    Args:
        checks_rank: whether the signature says that texts are a vector. The sentence encoders'
            does not: they refuse a single text later, in an operation of theirs.
    """
    tf.saved_model.save(_Embedding(dimensions, [None] if checks_rank else None), directory)


class _Embedding(FineTunable):
    """The mean of the words' rows in a small table, by hash, on the unit sphere."""

    def __init__(self, dimensions: int, input_shape: list[int | None] | None, buckets: int = 16) -> None:
        super().__init__(table=tf.random.normal([buckets, dimensions]))
        self._buckets = buckets
        self._dimensions = dimensions
        signature = [tf.TensorSpec(input_shape, tf.string, name="inputs")]
        self.__call__ = tf.function(self._embed, input_signature=signature)

    def _embed(self, inputs: tf.Tensor) -> tf.Tensor:
        words = tf.compat.v1.string_split(inputs)
        rows = tf.gather(self.table, tf.strings.to_hash_bucket_fast(words.values, self._buckets))
        count = tf.size(inputs, out_type=tf.int64)
        sums = tf.math.unsorted_segment_sum(rows, words.indices[:, 0], count)
        return tf.ensure_shape(tf.math.l2_normalize(sums, axis=1, epsilon=1e-6), [None, self._dimensions])
