"""Real processes: training that is killed and goes on, and several processes that train one model."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from boatlib.errors import DataError, TrainingError
from boatlib.model.inference import bundle
from boatlib.model.training import checkpoints, fit, launch
from boatlib.model.training.process_group import ProcessGroup
from boatlib.model.training.task import TrainingTask
from boatlib.run import Run

pytestmark = pytest.mark.processes

TRAIN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # as from a terminal; tests in the background inherit "ignored"
from boatlib.model.inference import bundle
from boatlib.model.training import fit
from boatlib.model.training.task import TrainingTask
task = TrainingTask.read(sys.argv[1])
trained = fit.train(task)
bundle.save_bundle(task.run.path("model"), trained.network, task.classes, {}, on=task.machine)
print("ended")
"""
FINETUNE = {"recipe": "finetune", "unfreeze": "blocks.6", "schedule": "cosine", "ema": 0.9, "mixup": 0.2}


def start(task, **environment):
    command = [sys.executable, "-c", TRAIN, str(task.write())]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment)


def wait_for(process, words):
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it ended before it said {words!r}")


def processes_of(task):
    """Command lines of the training processes of a task that are alive."""
    found = subprocess.run(["pgrep", "-af", str(task.folder)], capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if "pgrep" not in line]


def until_gone(task, seconds=30.0):
    end = time.monotonic() + seconds
    while processes_of(task) and time.monotonic() < end:
        time.sleep(0.2)
    return processes_of(task)


@pytest.mark.parametrize("settings", [{"dropout": 0.4}, FINETUNE], ids=["head", "finetune"])
def test_22_a_killed_training_goes_on_bit_by_bit_as_if_nothing_had_been(make_task, settings):
    settings = {"epochs": 6, "max_epochs_stop": 6, "range_test": 0} | settings
    whole, killed = make_task("whole", **settings), make_task("killed", **settings)
    straight = start(whole)
    wait_for(straight, "ended")
    process = start(killed)
    wait_for(process, "epoch   2")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not killed.run.path("model").exists()
    epochs = killed.run.trained_epochs()
    assert 1 <= epochs < 6, "it was killed on its way"
    again = start(killed, BOATLIB_RESUME="1")
    wait_for(again, f"going on after epoch {epochs}")
    wait_for(again, "ended")
    pd.testing.assert_frame_equal(whole.run.table("history"), killed.run.table("history"))
    one, two = (load_file(task.run.path("model") / bundle.WEIGHTS) for task in (whole, killed))
    assert one.keys() == two.keys()
    assert all((one[name] == two[name]).all() for name in one)


@pytest.mark.parametrize(
    "settings",
    [
        {"views": 1},
        {"views": 1, "refit": True},
        {"recipe": "finetune", "unfreeze": "blocks.6", "gradient_accumulation": 2, "class_weights": "auto"},
    ],
    ids=["head", "refit", "finetune"],
)
def test_33_and_34_two_processes_give_the_metrics_of_one(make_task, settings, capsys):
    """Steps of five photos: of the last step of 7 each process has one, of that of 11, and of a single validation photo, one
    process has none.
    """
    for photos, val in ((7, 5), (11, 1)):
        one, two = (
            fit.train(make_task(f"run{n}", train=photos, val=val, processes=n, range_test=0, **settings))
            for n in (1, 2)
        )
        numbers = [name for name in fit.HISTORY if name not in ("epoch", "best")]
        np.testing.assert_allclose(one.history[numbers], two.history[numbers], rtol=2e-4, atol=1e-5)
        assert one.history["best"].tolist() == two.history["best"].tolist()
        assert one.validation["photo"].tolist() == two.validation["photo"].tolist(), "every photo once"
        columns = ["confidence", "p_kayak", "p_raft"]
        np.testing.assert_allclose(one.validation[columns], two.validation[columns], atol=1e-4)
    said = capsys.readouterr().out
    assert said.count("epoch   3") == 4, "the first process alone speaks"
    written = sorted(path.name for path in (Run("run2").folder / "checkpoints").iterdir())
    assert written == ["epoch-0003.pt", "last.json", "task.json", "torchrun.log"]


def test_32_the_error_of_one_process_ends_the_job_with_its_own_words(make_task):
    task = make_task("failing", processes=2, recipe="finetune", unfreeze="blocks.6", epochs=50, max_epochs_stop=50)
    fit.features(task)
    (task.root / task.train["photo"].iloc[4]).write_bytes(b"changed")
    started = time.monotonic()
    with pytest.raises(DataError, match=r"004.jpg was changed or removed .*\(training process [01] of 2\)"):
        fit.train(task)
    assert time.monotonic() - started < 60
    assert until_gone(task) == []


def test_32_a_killed_process_ends_the_job_and_leaves_none(make_task):
    task = make_task(
        "killed-rank", processes=2, recipe="finetune", unfreeze="blocks.6", epochs=500, max_epochs_stop=500
    )
    parent = start(task)
    wait_for(parent, "epoch   2")
    ranks = [int(line.split()[0]) for line in processes_of(task) if "--launch" not in line and "-c" not in line.split()]
    assert len(ranks) == 2
    os.kill(max(ranks), signal.SIGKILL)
    started = time.monotonic()
    assert parent.wait(60) != 0
    assert time.monotonic() - started < 60
    assert until_gone(task) == []
    assert checkpoints.load(task.folder) is not None, "the last checkpoint is whole"
    with pytest.raises(TrainingError, match=r"killed \(SIGKILL\).* of 2\)"):
        raise launch.first_failure(task.folder, 1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_training_process_outlives_the_step_that_started_it(make_task, number):
    task = make_task("orphans", processes=2, recipe="finetune", unfreeze="blocks.6", epochs=500, max_epochs_stop=500)
    parent = start(task)
    wait_for(parent, "epoch   1")
    assert len(processes_of(task)) >= 4
    parent.send_signal(number)
    parent.wait(60)
    assert until_gone(task) == []


def test_36_a_run_can_be_trained_by_torchrun_alone_and_taken_over(make_task, monkeypatch):
    """As several machines do it: the same module, started by torchrun, with the run's name."""
    from boatlib.params import Params

    task = make_task("cluster", views=1)
    settings = Params(run="cluster", seed=1, training=task.settings, compute=task.compute)
    (task.run.folder / "params.json").write_text(settings.model_dump_json())
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "boatlib.model.training.worker", "cluster"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    monkeypatch.setenv("BOATLIB_RESUME", "1")
    trained = fit.train(TrainingTask.read("cluster"))
    expected = fit.learn(make_task("alone", views=1), ProcessGroup())[0]["rows"]
    np.testing.assert_allclose(trained.history["val_loss"], [row["val_loss"] for row in expected], rtol=1e-4)
