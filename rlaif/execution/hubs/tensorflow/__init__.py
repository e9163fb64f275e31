"""An offline TensorFlow Hub: tiny untrained SavedModels in the place where `tensorflow_hub` keeps its downloads."""

from rlaif.execution.hubs.tensorflow.build import build, handles_in
from rlaif.execution.hubs.tensorflow.survey import Model, survey

__all__ = ["Model", "build", "handles_in", "survey"]
