"""Measure how fast a GPU trains, compared with one core; run by benchmarks/gpu.sh.

The package's own trainer trains the networks with Keras' backend JAX, with the same examples on
each device. Speeds are those of the epochs after the first, which compiles.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import jax
import keras
import numpy as np
from kepler_lens.classify import inputs as inputs_of
from kepler_lens.classify.bundle import Bundle, shipped
from kepler_lens.classify.dataset import Examples, load
from kepler_lens.classify.labels import CLASSES
from kepler_lens.train.network import Size, astronet, build, softmax
from kepler_lens.train.trainer import Epoch, Part, Plan, train

NETWORKS = {
    "the package's network": {"size": Size(), "epochs": {"gpu": 12, "core": 3}, "batch": 64},
    "eight times as wide": {
        "size": Size(filters=64, branch=128, joined=256),
        "epochs": {"gpu": 6, "core": 2},
        "batch": 256,
    },
}
"""The second network is large enough to give the GPU work."""
ASTRONET_STEPS = {"gpu": 60, "core": 3}
"""Steps of AstroNet's own network, 9.94 M weights, in batches of 64: seconds a step on a core."""
TOLERANCE = 1e-4
"""Allowed difference of probabilities: a GPU adds in another order than a processor (chosen)."""


def examples() -> Examples:
    found = load([Path(os.environ["GPU_RECORDS"])])
    return found.select(found.label >= 0)


def part(e: Examples, inputs: inputs_of.Inputs, which: np.ndarray) -> Part:
    some = e.select(which)
    target = np.eye(len(CLASSES), dtype=np.float32)[some.label]
    return Part(inputs.arrays(some.views, some.has, some.scalars), target)


def speeds(device: str) -> dict[str, float]:
    """Return the examples per second of each network."""
    e = examples()
    inputs = inputs_of.fit(e.views, e.has, e.scalars, inputs_of.DEFAULT, inputs_of.USED)
    held = np.arange(len(e)) % 10 == 0
    found = {}
    for name, about in NETWORKS.items():
        plan = Plan(epochs=about["epochs"][device], batch=about["batch"])
        seen: list[Epoch] = []
        with tempfile.TemporaryDirectory() as folder:
            train(
                *(build(inputs, about["size"], 1), part(e, inputs, ~held), part(e, inputs, held)),
                *(inputs.branches, plan, 1, Path(folder) / "checkpoint", seen.append),
            )
        later = seen[1:]
        found[name] = sum(x.examples for x in later) / sum(x.seconds for x in later)
    found["AstroNet's network"] = astronet_speed(e, ASTRONET_STEPS[device])
    return found


def astronet_speed(e: Examples, count: int) -> float:
    model = astronet(1)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(2e-4), loss=loss)
    batch = 64

    def step(k: int) -> None:
        which = np.arange(k * batch, (k + 1) * batch) % len(e)
        given = {
            "whole": e.views["global_view"][which, :, None],
            "local": e.views["local_view"][which, :, None],
        }
        target = np.eye(len(CLASSES), dtype=np.float32)[e.label[which]]
        float(np.asarray(model.train_on_batch(given, target)))

    step(0)
    began = time.perf_counter()
    for k in range(1, count + 1):
        step(k)
    return count * batch / (time.perf_counter() - began)


def difference() -> float:
    """Return the largest difference of the shipped ensemble's probabilities from those of ONNX."""
    e = examples()
    bundle = Bundle.load()
    arrays = bundle.inputs.arrays(e.views, e.has, e.scalars)
    onnx, _ = bundle.run(arrays)
    worst = 0.0
    for k in range(onnx.shape[1]):
        member = keras.saving.load_model(shipped() / f"member-{k}.keras", compile=False)
        names = [tensor.name for tensor in member.inputs]
        logits = np.asarray(member({n: arrays[n] for n in names}, training=False))
        worst = max(worst, float(np.abs(softmax(logits) - onnx[:, k]).max()))
    return worst


class Load(threading.Thread):
    """Read the load of the GPU from nvidia-smi once a second, percent."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.percent: list[float] = []

    def run(self) -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while True:
            done = subprocess.run(query, capture_output=True, text=True, check=False)
            words = done.stdout.split()
            if done.returncode or not words or not words[0].isdigit():
                return
            self.percent.append(float(words[0]))
            time.sleep(1)


def one_core() -> dict[str, float]:
    """Return the same speeds of a process that has one core and no GPU."""
    core = str(min(os.sched_getaffinity(0)))
    done = subprocess.run(
        ["taskset", "--cpu-list", core, sys.executable, __file__],
        env=os.environ
        | {
            "GPU_ONE_CORE": "1",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"Training on one core failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    if os.environ.get("GPU_ONE_CORE"):
        print(json.dumps(speeds("core")))
        return 0
    (device, *_) = jax.devices()
    if device.platform != "gpu":
        print(f"JAX finds no GPU here, but {device.device_kind} only: nothing is measured.")
        return 1
    print(f"{device.device_kind}; JAX {jax.__version__}, Keras {keras.__version__}")
    load = Load()
    load.start()
    began = time.perf_counter()
    gpu = speeds("gpu")
    seconds = time.perf_counter() - began
    busy = list(load.percent)
    peak = (device.memory_stats() or {}).get("peak_bytes_in_use", 0) / 2**20
    worst = difference()
    core = one_core()
    for name, speed in gpu.items():
        print(
            f"{name:24} {speed:9.0f} examples/s on the GPU, {core[name]:9.1f} on one core: "
            f"{speed / core[name]:.1f} times"
        )
    print(f"memory of the GPU, peak  {peak:9.0f} MiB")
    words = (
        f"mean {np.mean(busy):.0f} %, most {max(busy):.0f} %" if busy else "nvidia-smi is silent"
    )
    print(f"load of the GPU          {words}, over {seconds:.0f} s of training")
    print(f"GPU against ONNX         {worst:.1e} at most (allowed: {TOLERANCE:.0e})")
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
