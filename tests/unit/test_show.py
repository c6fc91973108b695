import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from boatlib.errors import ParameterError
from boatlib.params import Training
from boatlib.show import confusion, learning_curve, predictions, training, tta
from boatlib.show.catalog import samples


@pytest.mark.parametrize(
    ("fixed", "broken", "p_value", "words"),
    [(9, 1, 0.02, "worth it"), (1, 9, 0.02, "harmful"), (2, 0, 0.5, "no difference that can be proven")],
)
def test_the_tta_verdict_follows_the_paired_test(fixed, broken, p_value, words):
    test = {"fixed": fixed, "broken": broken, "p_value": p_value, "photos": 100}
    assert words in tta.words({"chosen": "fixed", "views": {"fixed": 4}, "test": {"fixed": test}})


def test_where_the_validation_photos_show_no_need_the_verdict_says_so():
    validation = {"fixed": 3, "broken": 1, "p_value": 0.62, "photos": 90}
    record = {
        "chosen": "fixed",
        "shown": "plain",
        "views": {"fixed": 2},
        "validation": {"fixed": validation},
        "test": {},
    }
    assert "not needed: of 90 validation photos they put 3 right and make 1 wrong" in tta.words(record)
    assert "were not looked at again" in tta.tests(record).text
    assert tta.changes(record, None).text == ""


def test_an_unknown_class_to_show_is_named_with_the_known_ones(tmp_path):
    rows = pd.DataFrame({"photo": ["1.jpg"], "label": ["kayak"], "predicted": ["kayak"], "confidence": [1.0]})
    with pytest.raises(ParameterError, match="no class 'canoe'. There are: kayak"):
        predictions.of_class(rows, "canoe", tmp_path)


def test_a_kaggle_set_is_asked_for_once(tmp_path, monkeypatch):
    import kagglehub

    from boatlib.photos import sources

    photos = tmp_path / "downloaded"
    photos.mkdir()
    asked = []
    monkeypatch.setattr(sources, "cache_folder", lambda _: tmp_path)
    monkeypatch.setattr(kagglehub, "dataset_download", lambda name: asked.append(name) or str(photos))
    first, second = (sources.opened("kaggle:somebody/boats") for _ in range(2))
    assert first.resolve() == second.resolve() == photos
    assert asked == ["somebody/boats"]


def test_open_photo_is_the_only_way_in():
    opened = [p.name for p in (ROOT / "boatlib").rglob("*.py") if "Image.open(" in p.read_text()]
    apart = {"draw.py", "onnx_example.py"}  # draws; runs where there is no boatlib
    assert [name for name in opened if name not in apart] == ["images.py"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"backbone": "efficientnet_lite0", "views": 1},
            "efficientnet_lite0 stays frozen; a head learns on the features of 2 views of each of the 30 training photos",
        ),
        (
            {"backbone": ["a", "b"]},
            "a and b stay frozen; a head learns on the features of one view of each",
        ),
        ({"recipe": "finetune", "backbone": "a", "unfreeze": "blocks.5"}, "a learns too from its stage blocks.5 on"),
        (
            {"recipe": "finetune", "backbone": ["a", "b"], "frozen": ["c"]},
            "a and b learn too, after the head of each has learnt",
        ),
        (
            {"recipe": "finetune", "backbone": "a", "frozen": ["c", "d"]},
            "c and d stay frozen, with a head of their own, and answer",
        ),
        ({"weights": "none"}, "without pretrained weights"),
        (
            {},
            "they watch over its 24 epochs, and adjust its confidence; the last epoch counts. Then it is taught once more",
        ),
        ({"monitor": "balanced_accuracy"}, "when the balanced accuracy on them has made no progress for 10 epochs"),
    ],
)
def test_the_plan_of_a_training_says_what_learns(settings, words):
    assert words in training.plan(Training(**{"recipe": "head"} | settings), 30, 10).text


def test_class_weights_are_shown_with_their_price():
    assert "would find more photos of the rare classes" in training.class_weights("none").text
    for kind in ("sqrt", "auto"):
        assert "balanced accuracy rises, plain accuracy may fall" in training.class_weights(kind).text
    shown = training.class_weights_table(["a", "b"], [30, 10], [0.5, 1.5])
    assert '<td class="number">1.50</td>' in shown.markup


def test_the_range_test_names_the_valley_and_the_chosen_step():
    rates = np.geomspace(1e-6, 1, 40)
    curve = pd.DataFrame({"learning_rate": rates, "loss": 2 + (np.log10(rates) + 2) ** 2})
    assert training.range_test(curve, 0.001).text.startswith("The loss is lowest at a step size of about 0.0")
    assert "this run takes 0.001" in training.range_test_chart(curve, 0.001).text
    assert "No range test" in training.range_test(curve.head(0), 0.001).text


def test_one_prediction_is_shown_with_photo_words_and_bars(photo_set):
    row = pd.Series({"predicted": "a", "confidence": 0.8, "p_a": 0.8, "p_b": 0.2, "needs_review": False})
    photo = next(photo_set.rglob("*.jpg"))
    shown = predictions.photo(photo, row)
    assert shown.markup.count("<img") == 2
    assert "The model says a, 80% sure." in shown.text
    assert "wrongly (it shows: b)" in predictions.photo(photo, pd.concat([row, pd.Series({"label": "b"})])).text


def test_answers_show_the_name_of_a_photo_and_not_its_folder():
    table = pd.DataFrame({"photo": ["/home/me/x.jpg"], "predicted": ["a"], "confidence": [0.9], "error": [""]})
    markup = predictions.table(table).markup
    assert "x.jpg" in markup
    assert "/home/me" not in markup


def test_pages_of_many_classes_stay_readable(tmp_path):
    names = [f"class {number:03d}" for number in range(200)]
    counts = pd.DataFrame(np.eye(200, dtype=int) * 5, index=names, columns=names)
    counts.iloc[7, 9] = 3
    shown = confusion.chart(counts)
    assert shown.markup.count("1000 of 1003 photos") == 1
    rows = pd.DataFrame({"class": names, "photos": 25, "now": 0.5, "doubled": np.linspace(0.5, 0.9, 200)})
    bounds = [f"{name}_{end}" for name in ("now", "doubled", "wanted") for end in ("low", "high")]
    table = learning_curve.table(rows.assign(**dict.fromkeys(bounds, 0.5)), 0.9).markup
    assert table.count("<tr") == 1 + learning_curve.FORECASTS
    assert "20 of 200 classes" in table
    catalog = pd.DataFrame({"photo": [f"{name}/1.jpg" for name in names], "label": names, "status": "used"})
    assert "30 of 200 classes are shown." in samples(catalog, tmp_path).markup
