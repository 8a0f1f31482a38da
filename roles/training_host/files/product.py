"""Multiply two matrices by TensorFlow on every device of a kind, and check the product.

Argument: GPU or CPU. By default TensorFlow uses the CPU without a message if a GPU fails; this
script forbids that. Prints the devices as JSON.
"""

import json
import sys

import numpy as np
import tensorflow as tf

SIZE = 512


def main(kind: str) -> None:
    """Multiply on each device; end with a sentence if no device exists or a product is wrong."""
    tf.config.set_soft_device_placement(False)
    devices = tf.config.list_logical_devices(kind)
    if not devices:
        raise SystemExit(f"TensorFlow {tf.__version__} sees no {kind}")
    # Products of small whole numbers are exact in every precision of a device.
    left, right = np.random.default_rng(1).integers(-8, 9, (2, SIZE, SIZE)).astype(np.float32)
    for device in devices:
        with tf.device(device.name):
            product = tf.linalg.matmul(tf.identity(left), tf.identity(right))
        if device.name not in product.device:
            raise SystemExit(
                f"the product that {device.name} was asked for ran on {product.device}"
            )
        if not np.array_equal(product.numpy(), left @ right):
            raise SystemExit(f"{device.name} multiplies wrongly")
    print(json.dumps([device.name for device in devices]))


if __name__ == "__main__":
    main(sys.argv[1])
