"""The device that is trained on: asked for and proved, since TensorFlow falls back silently."""

from __future__ import annotations

import os

from kepler_lens.train.errors import TrainingError


def use(device: str, threads: int) -> None:
    """Choose the device, before TensorFlow is loaded; with a GPU, prove that it computes.

    Parameters
    ----------
    device : str
        'cpu' or 'gpu'.
    threads : int
        Cores: other numbers give other weights, as sums are taken in another order.

    Raises
    ------
    TrainingError
        A GPU is asked for and TensorFlow finds none.
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
