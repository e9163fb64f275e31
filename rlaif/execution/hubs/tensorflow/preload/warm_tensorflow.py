"""Imports TensorFlow for forked children: all that can be done once, and no thread.

TensorFlow looks for its executable in /proc when it first lists its kernels, and aborts the
process where it cannot. Under file rules a snippet could not, so the process that it is forked
from does. The attributes that `tf` loads when they are first asked for are loaded here too.
"""

import tensorflow as tf
import tensorflow_hub
from tensorflow.python.framework import kernels

kernels.get_registered_kernels_for_op("NoOp")
LOADED = (tf.keras.Sequential, tf.keras.applications.mobilenet_v2, tensorflow_hub.KerasLayer)
