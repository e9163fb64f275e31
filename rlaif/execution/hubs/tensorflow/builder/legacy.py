"""SavedModels in the format of TensorFlow 1's Hub: signatures in a graph, and no function to call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

# A tensorflow_hub.ModuleDef that says `format: FORMAT_V3`; the library looks only whether it is there.
_MODULE_DEF = b"\x08\x03"


def save(
    directory: str,
    input_name: str,
    shape: list[int | None],
    function: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    signatures: Sequence[str] = ("default",),
    dtype: tf.DType = tf.float32,
) -> None:
    """Write ``function``'s graph with the same inputs and outputs under each signature's name."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(0)
        inputs = v1.placeholder(dtype, shape, name=input_name)
        outputs = function(inputs)
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.build_signature_def(
            inputs={input_name: v1.saved_model.build_tensor_info(inputs)},
            outputs={name: v1.saved_model.build_tensor_info(value) for name, value in outputs.items()},
        )
        writer = v1.saved_model.Builder(directory)
        writer.add_meta_graph_and_variables(session, [], dict.fromkeys(signatures, signature))
        writer.save()
    Path(directory, "tfhub_module.pb").write_bytes(_MODULE_DEF)
