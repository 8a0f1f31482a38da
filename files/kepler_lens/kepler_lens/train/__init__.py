"""Build, train and export the network, with TensorFlow or JAX through Keras 3.

No module outside this package imports it at its top level, because workers score with onnxruntime
alone.
"""
