"""Select and check the device of a training: TensorFlow itself falls back to the CPU silently."""

from __future__ import annotations

import os

from kepler_lens.train.errors import TrainingError


def use(device: str, threads: int) -> None:
    """Select the device before TensorFlow is loaded; check that a GPU is there if one is asked for.

    Parameters
    ----------
    device : str
        'cpu' or 'gpu'.
    threads : int
        Cores. Another number gives other weights, because sums are taken in another order.

    Raises
    ------
    TrainingError
        TensorFlow is not installed, or finds no GPU where one is asked for.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise TrainingError(
            f"Training needs the packages of requirements-train.txt, and {error.name} is not here."
        ) from None
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if device == "gpu":
        found = tf.config.list_physical_devices("GPU")
        if not found:
            raise TrainingError(
                "A GPU is asked for and TensorFlow finds none: run playbooks/training.yml with "
                "--tags training_host, which says why; or train with training_gpu=none."
            )
        for gpu in found:
            tf.config.experimental.set_memory_growth(gpu, True)
