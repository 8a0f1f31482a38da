"""The network and its training: what needs TensorFlow, or JAX, through Keras 3.

Nothing outside this package imports it at its head: workers score with onnxruntime alone.
"""
