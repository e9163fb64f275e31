"""The interface of reusable SavedModels: a fine-tunable model names the variables that training changes."""

from __future__ import annotations

import tensorflow as tf


class FineTunable(tf.__internal__.tracking.AutoTrackable):
    """Attributes that are saved with the model; those of the same names of a `tf.Module` are computed, and are not."""

    def __init__(self, **variables: tf.Tensor) -> None:
        """Each initial value becomes a variable of that name, to be trained."""
        self.variables = []
        for name, value in variables.items():
            variable = tf.Variable(value, name=name)
            setattr(self, name, variable)
            self.variables.append(variable)
        self.trainable_variables = list(self.variables)
        self.regularization_losses: list[tf.Tensor] = []
