"""Heads that learn side by side: the same digits on any number of cores, and nothing goes on where one has failed."""

import threading
from functools import partial

import numpy as np
import pytest
import torch
from conftest import FLOAT32

from boatlib import runtime
from boatlib.errors import TrainingError
from boatlib.model.training import fit, others
from boatlib.model.training.heads import side_by_side
from boatlib.model.training.process_group import ProcessGroup, alone
from boatlib.model.training.trainer import Trainer

TWICE = {"epochs": 3, "max_epochs_stop": 3, "views": 1, "refit": True, "range_test": 4}


@pytest.mark.parametrize("settings", [{"monitor": "last"}, {"monitor": "loss"}, {"monitor": "last", "mixup": 0.4}])
def test_the_number_of_cores_changes_no_digit(make_task, monkeypatch, settings):
    found = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(runtime, "cores", lambda: cores)  # noqa: B023
        task = make_task(f"on{cores}", **TWICE, **settings)
        trained = fit.train(task)
        found.append((trained, others.judged_by_others(task, 3), fit.range_test(task)))
    (first, judged, losses), *more = found
    assert len(losses) == 4
    for trained, again, tested in more:
        assert trained.history.equals(first.history)
        assert again.equals(judged)
        assert tested.equals(losses)
        for one, other in ((trained.network, first.network), (trained.before_refit, first.before_refit)):
            own, expected = one.head.state_dict(), other.head.state_dict()
            assert all(torch.equal(own[name], expected[name]) for name in expected)


def test_what_judges_beside_a_training_says_what_it_says_alone(make_task, monkeypatch):
    monkeypatch.setattr(runtime, "cores", lambda: 2)
    found = []
    for beside in (True, False):
        task = make_task(f"beside{beside}", **TWICE, monitor="last")
        judging = others.judging(task, 3) if beside else partial(others.judged_by_others, task, 3)
        found.append((fit.train(task).history, judging()))
    assert found[0][0].equals(found[1][0])
    assert found[0][1].equals(found[1][1])


def test_several_learn_at_a_time_each_on_one_core(make_task, monkeypatch):
    monkeypatch.setattr(runtime, "cores", lambda: 2)
    together, threads = threading.Barrier(2, timeout=60), []

    def epoch(self, number):
        threads.append(torch.get_num_threads())
        together.wait()  # breaks, if the other one does not learn at the same time
        return 0.5, 0.5

    monkeypatch.setattr(Trainer, "epoch", epoch)
    before = torch.get_num_threads()
    fit.learn(make_task(**TWICE, monitor="last"), alone(FLOAT32))
    assert threads == [1] * 6
    assert torch.get_num_threads() == before


def test_a_failure_ends_the_other_head_and_gives_the_cores_back(make_task, monkeypatch):
    monkeypatch.setattr(runtime, "cores", lambda: 2)
    before, begun = torch.get_num_threads(), threading.active_count()
    with pytest.raises(TrainingError, match="not finite"):
        fit.train(make_task(**TWICE | {"epochs": 100_000}, monitor="last", learning_rate=1e30))
    assert (torch.get_num_threads(), threading.active_count()) == (before, begun)


@pytest.mark.parametrize(
    ("settings", "group"),
    [
        ({"recipe": "finetune", "unfreeze": "blocks.6"}, ProcessGroup()),
        ({"mixup": 0.4}, ProcessGroup()),
        ({}, ProcessGroup(0, 2)),
        ({}, ProcessGroup(device="cuda")),
    ],
)
def test_one_after_the_other_where_they_would_be_in_each_others_way(make_task, settings, group):
    with side_by_side(make_task(**settings), group) as heads:
        assert heads.pool is None
        asked = []
        result = heads.start(lambda: asked.append(1) or np.ones(2))
        assert not asked  # it begins when it is asked for
        assert result().sum() == 2
