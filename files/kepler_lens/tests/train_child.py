"""A small training in a process of its own, which may be told to die; not a test.

python train_child.py RECORDS FOLDER MEMBERS EPOCHS [KILL_UNIT KILL_EPOCH KILL_STEP]
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"

import numpy as np

from kepler_lens.classify.dataset import load
from kepler_lens.train import runs, trainer


def small(records, count=240):
    """As many examples, a third of each class."""
    examples = load(records, views=("global_view", "local_view"))
    each = [np.flatnonzero(examples.label == k)[: count // 3] for k in range(3)]
    return examples.select(np.sort(np.concatenate(each)))


def main():
    """Train, and say on a line of its own which epochs were trained here."""
    records, folder, members, epochs = sys.argv[1:5]
    kill = tuple(map(int, sys.argv[5:]))
    plan = replace(trainer.Plan(), epochs=int(epochs), batch=32)
    # Without convolutions, which take a minute to trace; dropouts and optimizer are the same.
    settings = runs.Settings(
        folds=2, per_fold=1, members=int(members), branches=("shape", "scalars"), plan=plan
    )
    at = [0]
    ordinary = trainer.train

    def dying(*args):
        def on_step(epoch, step):
            if kill == (at[0], epoch, step):
                os.kill(os.getpid(), signal.SIGKILL)

        return ordinary(*args, on_step=on_step)

    runs.train = dying

    def tell(unit, number, count, epoch):
        at[0] = number + (epoch.epoch == int(epochs) - 1)
        sys.stdout.write(f"{unit.name} {epoch.epoch}\n")
        sys.stdout.flush()

    # What is done already is not trained, and not told.
    planned = runs.units(settings)
    at[0] = sum((Path(folder) / f"{unit.name}.npz").is_file() for unit in planned)
    runs.run(small(records), Path(folder), settings, tell)


if __name__ == "__main__":
    main()
