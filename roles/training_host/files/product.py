"""Multiply two matrices by TensorFlow on every device of a kind, and compare with the right answer.

Argument: GPU or CPU. TensorFlow falls back on the CPU without a word; here it may not. Prints the
devices as JSON.
"""

import json
import sys

import numpy as np
import tensorflow as tf

SIZE = 512


def main(kind: str) -> None:
    """Multiply on each device; ends with a sentence where there is none or it is wrong."""
    tf.config.set_soft_device_placement(False)
    devices = tf.config.list_logical_devices(kind)
    if not devices:
        raise SystemExit(f"TensorFlow {tf.__version__} sees no {kind}")
    # Small whole numbers: exact in every precision that a device may multiply in.
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
