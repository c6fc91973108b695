"""The search for a recipe: what is compared how, what is decided, within what time, and how it goes on."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from boatlib import runtime
from boatlib.errors import ParameterError, TrainingError
from boatlib.files import write_text
from boatlib.model.training import fit, others, search
from boatlib.model.training.search import AS_GOOD, BEST_HEAD, CHOSEN, CROSSED, TUNING, WORSE, Plan, Rehearsal, Trial
from boatlib.params import Params, Training, as_file, load_params
from boatlib.predictions import prediction_table

SMALL = {"recipe": "auto", "backbone": "efficientnet_lite0", "resolution": "96x96", "refit": True}


def trial(losses, recipe="a", seconds=1.0, judged_by=TUNING, **settings):
    values = Training(**settings).model_dump(mode="json")
    right, groups = [loss < 0.7 for loss in losses], [str(n) for n in range(len(losses))]
    return Trial(recipe, judged_by, values, list(losses), right, groups, seconds)


def answers(probability_of_right):
    rows = pd.DataFrame({"photo": [f"{n}.jpg" for n in range(len(probability_of_right))], "label": "a"})
    values = np.array(probability_of_right)
    return prediction_table(rows, np.column_stack([values, 1 - values]), ["a", "b"])


def test_the_loss_is_that_of_the_best_temperature():
    modest = answers([0.7] * 99 + [0.3])  # right 99 times of 100, and 70 % sure
    losses, right = search.judged(modest)
    assert right.sum() == 99
    assert losses.mean() < -np.log(0.7) / 2
    sure = answers([0.99] * 99 + [0.01])
    np.testing.assert_allclose(
        search.judged(sure)[0].mean(), losses.mean(), rtol=0.2
    )  # the same answers, otherwise sure


def test_the_cheaper_one_is_taken_unless_the_dearer_one_is_beyond_the_standard_error():
    random = np.random.default_rng(0)
    base = random.exponential(0.5, 200)
    noisy = base - 0.01 + 0.3 * (-1.0) ** np.arange(200)
    better = base - 0.05 + random.normal(0, 0.1, 200)
    assert search.cheapest([trial(base), trial(noisy)]).losses == list(base)
    assert search.cheapest([trial(base), trial(better)]).losses == list(better)
    assert search.cheapest([trial(better), trial(base)]).losses == list(better)


def test_photos_of_one_group_count_together():
    apart = np.repeat([0.3, -0.1], 50)
    one, other = trial(np.ones(100) + apart), trial(np.ones(100))
    assert search.difference(one, other) == pytest.approx((0.1, apart.std() / 10))
    of_two = replace(one, groups=["a"] * 50 + ["b"] * 50)
    assert search.difference(of_two, other)[1] == pytest.approx(np.sqrt(2 * (50 * 0.2) ** 2) / 100)


def test_the_table_says_what_was_chosen_and_why_not_the_others():
    first, second, third = (
        trial([0.5, 0.6, 0.4], epochs=24),
        trial([0.5, 0.62, 0.39], epochs=48),
        trial([2.0, 2.1, 2.2], epochs=12),
    )
    head = trial([0.1, 0.2, 0.3], judged_by=CROSSED, epochs=24)
    rows = search.table([head, first, second, third], Training(epochs=24), Training(epochs=24))
    assert list(rows.columns) == search.COLUMNS
    assert rows["verdict"].tolist() == [BEST_HEAD, CHOSEN, AS_GOOD, WORSE]
    assert rows["worse_by"].iloc[0] == 0, "compared with those that were judged by the same photos"


def test_plans_are_dearer_one_after_the_other():
    prices = [plan.seconds(1000, 300, 0.01) for plan in search.PLANS]
    assert prices == sorted(prices)
    fixed = Plan(search.PACED, 4, search.PACED).seconds(1000, 0, 0.01)
    assert fixed == pytest.approx(40)
    assert Plan(search.PACED, 4).seconds(1000, 0, 0.01) < fixed, "the first pictures are small"


def test_a_rehearsal_tells_what_share_of_the_errors_went():
    low, high = Rehearsal([False] * 40 + [True] * 60, [False] * 20 + [True] * 80, 0.01).reduction()
    assert 0.3 < low < 0.5 < high < 0.7
    low, high = Rehearsal(
        [False] * 10 + [True] * 90, [True] * 5 + [False] * 5 + [True] * 85 + [False] * 5, 0.01
    ).reduction()
    assert low < 0 < high
    assert Rehearsal([True] * 9, [True] * 9, 0.01).reduction() == (0.0, 0.0)


def test_without_time_a_head_is_taken_and_what_more_would_take_is_known(make_task):
    found = search.search(make_task(train=24, val=12, minutes=0.02, **SMALL))
    assert found.task.settings.recipe == "head"
    assert (found.tried["verdict"] == CHOSEN).sum() == 1
    assert found.minutes is None or found.minutes > 0.02
    assert found.record()["tried"] == len(found.tried)


@pytest.fixture
def rehearsed_well(monkeypatch):
    """Learning is worth it, and quick."""
    monkeypatch.setattr(search.Search, "_rehearse", lambda *_: Rehearsal([False] * 20, [True] * 20, 0.001))
    monkeypatch.setattr(search, "PLANS", [Plan(64, 1, 64)])
    monkeypatch.setattr(search, "WORTH", 0)


def test_where_the_head_makes_hardly_an_error_nothing_dear_is_tried(make_task):
    found = search.search(make_task(train=24, val=12, minutes=5.0, **SMALL))
    assert found.tried["correct"].iloc[0] == 24
    assert (found.task.settings.recipe, found.rehearsal, found.minutes) == ("head", None, None)


def test_what_more_time_would_bring_is_said_where_a_rehearsal_shows_it(make_task):
    tried = search.table([trial([0.5, 2.0], judged_by=CROSSED)], Training(), Training())
    task = make_task()
    for left, points in ((20, (10.0, 40.0)), (39, (0.0, 0.0)), (45, (0.0, 0.0))):
        rehearsal = Rehearsal([False] * 40 + [True] * 60, [False] * left + [True] * (100 - left), 0.01)
        told = search.Found(task, tried, rehearsal, 7.0).record()["points"]
        assert (told is None) == (points[1] == 0)
        if told:
            assert points[0] < told[0] < told[1] < points[1], "of the half that the head names wrongly"
    assert search.Found(task, tried, rehearsal, None).record()["points"] is None


def test_with_time_a_network_learns_and_the_three_are_compared_on_the_same_photos(make_task, rehearsed_well):
    task = make_task(train=24, val=12, minutes=5.0, **SMALL)
    found = search.search(task)
    last = found.tried[found.tried["judged_by"] == search.ALL]
    assert last["recipe"].tolist() == [
        "the best head",
        "a network that learns",
        *(f"both, {share}% the head" for share in (70, 50, 30)),
    ]
    assert (last["photos"] == 24 + 12).all(), "crosswise all of them judge"
    assert found.minutes is None


@pytest.mark.parametrize("frozen", [[], ["efficientnet_lite1"]])
def test_what_was_found_is_a_params_file_that_teaches_the_same_model(
    make_task, rehearsed_well, frozen, monkeypatch, tmp_path
):
    monkeypatch.setattr(search, "cheapest", lambda trials: trials[-1 if frozen else 1])
    task = make_task(train=24, val=12, minutes=5.0, **SMALL)
    found = search.search(task)
    assert found.task.settings.recipe == "finetune"
    assert bool(found.task.settings.frozen) == bool(frozen)
    file = tmp_path / "recipe.yaml"
    write_text(file, as_file(Params(run="again", training=found.task.settings)))
    settings = load_params(file).training
    assert settings == found.task.settings
    one = fit.train(found.task)
    two = fit.train(replace(found.task, settings=settings, goes_on=False))
    assert len(one.network.bodies) == 3 + len(frozen), "those that learnt crosswise, and those that stay frozen"
    pairs = [(one.network, two.network), (one.before_refit, two.before_refit)]
    assert (one.before_refit is None) != bool(frozen)
    for first, second in pairs if frozen else pairs[:1]:
        assert all(
            np.array_equal(a, b) for a, b in zip(*(n.head.state_dict().values() for n in (first, second)), strict=True)
        )


def test_networks_that_answer_together_give_the_mean_of_their_log_probabilities(make_task):
    import torch

    task = make_task(
        recipe="finetune", unfreeze="blocks.6", resolution="64x64", frozen=["efficientnet_lite0"], refit=False
    )
    members = [fit.train(member) for member in task.members]
    both = fit.train(task)
    logs = [np.log(one.validation[["p_kayak", "p_raft"]].to_numpy()) for one in members]
    mean = torch.from_numpy(np.mean(logs, axis=0)).softmax(1).numpy()
    np.testing.assert_allclose(both.validation[["p_kayak", "p_raft"]].to_numpy(), mean, atol=1e-6)
    assert [body.name for body in both.network.bodies] == ["efficientnet_lite0"] * 2


def test_an_interrupted_search_goes_on_where_it_was(make_task, rehearsed_well, monkeypatch):
    task = make_task(train=24, val=12, minutes=5.0, **SMALL)
    whole = search.search(task)
    file = task.folder / "search.json"
    saved = json.loads(file.read_text())
    write_text(file, json.dumps(saved | {"trials": saved["trials"][:3]}))
    monkeypatch.setenv(runtime.RESUME, "1")
    again = search.search(task)
    columns = [name for name in search.COLUMNS if name != "seconds"]
    pd.testing.assert_frame_equal(again.tried[columns], whole.tried[columns])
    assert again.tried["seconds"][:3].tolist() == whole.tried["seconds"][:3].tolist(), "not tried again"
    assert again.task.settings == whole.task.settings
    other = search.Record(replace(task, seed=7))
    assert not other._before["trials"], "of another task"


def test_photos_with_a_look_alike_that_teaches_do_not_judge_if_others_are_enough(make_task, monkeypatch):
    task = make_task(train=24, val=12, **SMALL)
    alike = pd.Series([f"g{n}" for n in range(24)] + [f"g{n}" for n in range(4)] + [f"v{n}" for n in range(8)])
    own = search.Search(task, alike, search.Record(task))
    assert own._judges().all(), "eight are too few"
    monkeypatch.setattr(search, "FEW", 8)
    assert own._judges().tolist() == [False] * 4 + [True] * 8
    assert search.Search(task, None, own.record)._judges().all()


def test_a_recipe_that_was_asked_for_is_not_searched_for(make_task):
    task = make_task()
    found = search.search(task)
    assert found.task is task
    assert found.tried.empty
    assert found.record()["tried"] == 0
    with pytest.raises(ParameterError, match="finds the recipe first"):
        fit.train(make_task(**SMALL))


def test_each_third_is_judged_by_the_network_that_has_not_learnt_from_it(make_task):
    how = {
        "recipe": "finetune",
        "unfreeze": "blocks.6",
        "resolution": "64x64",
        "refit": False,
        "epochs": 2,
        "monitor": "last",
    }
    assert others.judged_by_others(make_task(**how), 2).empty
    task = make_task(**how, cross_fit=True, frozen=["efficientnet_lite0"], frozen_share=1e-9)
    *learners, frozen = task.members
    assert [member.folder.name for member in learners] == ["checkpoints", "network-2", "network-3"]
    assert frozen.folder.name == "frozen"
    assert len(frozen.train) == len(task.train)
    with pytest.raises(TrainingError, match="taught"):
        others.judged_by_others(task, 2)
    trained = fit.train(task)
    found = others.judged_by_others(task, 2)
    assert found["photo"].tolist() == task.train["photo"].tolist()
    assert others.judged_by_others(task, 2, pd.concat([task.train["group"], task.val["group"]])).empty
    for number, member in enumerate(learners):
        assert not set(member.train["group"]) & set(member.held_out["group"])
        assert len(member.train) + len(member.held_out) == len(task.train)
        alone = fit.train(replace(member, val=member.held_out, held_out=None, inside=f"alone-{number}")).validation
        own = found.set_index("photo").loc[alone["photo"]]
        np.testing.assert_allclose(own["p_raft"].to_numpy(), alone["p_raft"].to_numpy(), atol=1e-5)
        assert (own["part"] == number).all()
    assert len(trained.network.bodies) == 4
    assert len(task.run.table("history")) == 2
    again = fit.train(replace(task, goes_on=True))
    pd.testing.assert_frame_equal(again.validation, trained.validation)
    pd.testing.assert_frame_equal(others.judged_by_others(task, 2), found)
