"""Faults 73, 74, 78, 79 and 82: what words, tables and charts may claim, and names as people have them."""

import io
import re
import warnings

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from boatlib import results, show
from boatlib.order import natural
from boatlib.policy import Policy
from boatlib.results import class_verdicts
from boatlib.results.intervals import wilson
from boatlib.shares import confidence, of_hundred, p_words, percent
from boatlib.show import confusion, learning_curve
from boatlib.show.classes import counts_chart
from boatlib.show.kit import fonts, names, theme
from boatlib.show.kit.charts import save_figure
from boatlib.show.predictions import bars


def predictions(labels, right, classes, sure=0.9):
    """Photos by label, of which the first `right` are named rightly."""
    rows = []
    for number, label in enumerate(labels):
        said = label if number < right else classes[(classes.index(label) + 1) % len(classes)]
        shares = {f"p_{name}": sure if name == said else (1 - sure) / (len(classes) - 1) for name in classes}
        rows.append({"photo": f"{label}/{number}.jpg", "label": label, "predicted": said, "confidence": sure} | shares)
    return pd.DataFrame(rows)


# --- 73: confidence that the validation photos support


@pytest.mark.parametrize("sure", [0.6, 0.9, 0.99, 0.99999])
@pytest.mark.parametrize("photos", [5, 28, 200])
def test_73_photos_without_a_mistake_support_a_confidence_and_no_more(photos, sure):
    rows = predictions(["a", "b"] * photos, 2 * photos, ["a", "b", "c"], sure)
    found = results.calibration.fit_temperature(rows)
    tempered = results.calibration.with_temperature(rows, found)
    assert tempered["confidence"].mean() == pytest.approx(1 - 1 / (2 * photos + 1), abs=1 / photos)
    assert results.calibration.RANGE[0] * 1.01 < found < results.calibration.RANGE[1]
    words = show.calibration.temperature(results.calibration.describe(rows, found)).text
    assert "None of these photos was named wrongly, which does not prove that none ever is" in words


def test_73_a_bound_that_is_reached_is_said():
    rows = predictions(["a", "b"] * 20, 20, ["a", "b", "c"], 1 - 1e-12)
    found = results.calibration.fit_temperature(rows)
    assert found > results.calibration.RANGE[1] / 1.01
    assert (
        "the end of the temperatures that were tried"
        in show.calibration.temperature(results.calibration.describe(rows, found)).text
    )


# --- 74: nothing and all


@given(st.floats(0, 1))
def test_74_none_and_all_are_said_only_of_what_is(share):
    exact = round(share, 12) in (0, 1)
    for places in (0, 1):
        text = percent(share, places)
        assert (re.fullmatch(r"(0|100)(\.0)?%", text) is not None) == exact, (share, text)
        assert not re.fullmatch(r"(0|100)(\.0)?%", confidence(share, places))
        if number := re.fullmatch(r"([\d.]+)%", text):
            assert float(number[1]) == pytest.approx(share * 100, abs=0.5)
    assert (of_hundred(share) in ("0", "100")) == (share in (0, 1))


@given(st.integers(1, 3000), st.integers(0, 3000))
def test_74_ranges_end_at_all_only_where_all_are_right(total, wrong):
    right = max(0, total - wrong)
    low, high = wilson(right, total)
    assert (high == 1) == (right == total)
    assert (low == 0) == (right == 0)


def test_74_the_sentences_of_the_list():
    record = {"accuracy": 498 / 500, "accuracy_low": 0.985, "accuracy_high": 0.9989, "photos": 500, "answers": [{}]}
    words = show.brief.what_it_is(record | {"elsewhere": {"differs": False, "apart": False}})
    assert "right for more than 99 of 100 new ones (98 to more than 99; 500 tested)" in words
    drawn = Policy({"": 0.9973})
    answers = pd.DataFrame({"label": "a", "predicted": ["a"] * 299 + ["b"], "confidence": 0.9999, "unfamiliarity": 0.0})
    told = results.policy.judged(drawn, answers)
    assert "from this confidence on: 99.7%" in show.policy.promised(drawn, told).text
    assert "1 of 300 (0.3%, up to 2 in 100)" in show.policy.words(told)
    assert "100%" not in show.policy.table(results.policy.table(drawn, answers), drawn).text
    assert p_words(1e-9) == "p < 0.001"
    assert "0.000" not in show.tta.tests({"test": {"fixed": tta_test(1e-9)}}).text


def tta_test(p_value):
    return {"plain_correct": 1, "tta_correct": 9, "photos": 9, "fixed": 8, "broken": 0, "p_value": p_value}


def test_74_tables_and_charts_too():
    classes = ["a", "b"]
    rows = pd.concat([predictions([name] * 300, 299, classes, 0.9999) for name in classes], ignore_index=True)
    split = rows[["photo", "label"]].assign(split="test")
    per_class = results.metrics.per_class(rows, split, [1])
    pieces = [
        show.classes.table(per_class), show.calibration.bars(rows, {"photos": 9}),
        show.metrics.accuracy(results.metrics.overall(rows, [1])),
        confusion.matrix(rows, ROOT),
        show.review.work_chart(results.review.selective_risk(rows)), show.predictions.words(rows.iloc[0]),
    ]  # fmt: skip
    for piece in pieces:
        shown = BeautifulSoup(piece.markup, "html.parser").get_text(" ") + piece.text
        assert not re.search(r"(?<![\d.])100(\.0+)?%", shown.replace("nothing", "")), shown


def test_74_one_function_makes_all_of_them():
    """No share is formatted anywhere else: neither with a format of its own nor by hand."""
    for module in (ROOT / "boatlib").rglob("*.py"):
        if module.name != "shares.py":
            assert not re.search(r":\.?\d?%\}|100:\.0f\} of", module.read_text()), module


# --- 78, 79: names in charts

ODD = ["US$1 or US$5", "$x^2$", "a_b^c", "100 %", "\\alpha", "{x}", "#5 & 6"]
SCRIPTS = {"Chinese": "帆船", "Hindi": "नाव", "Arabic": "قارب", "Greek": "πλοίο", "Japanese": "ヨット", "Korean": "배"}


def counted(labels):
    return pd.DataFrame({"class": labels, "photos": range(40, 40 + len(labels)), "kept": True})


def charts(labels):
    """All charts in which names of classes stand."""
    rows = predictions([*labels] * 4, 4 * len(labels) - 1, list(labels))
    counts = results.metrics.confusion_matrix(rows)
    forecasts = pd.DataFrame(
        {"class": labels, "train": 10, "now": 0.5, "doubled": 0.6, "doubled_low": 0.5, "doubled_high": 0.7}
    )
    points = [(name, share, 10 * share, 8, 5) for name in labels for share in (0.5, 1)]
    curve = pd.DataFrame(points, columns=["class", "share", "taught", "judged", "right"])
    return [counts_chart(counted(labels), 30), confusion.chart(counts), bars(rows.iloc[0]),
            learning_curve.chart(curve, forecasts)]  # fmt: skip


def words_in(figure):
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]


def test_78_names_with_dollars_are_names(tmp_path):
    for chart in charts(ODD):
        if chart.text.startswith(("Bars", "Confusion")):
            assert set(ODD) <= set(words_in(chart.figure))
    save_figure(charts(ODD)[1], tmp_path / "matrix.png")
    same = [counts_chart(counted([name]), 30) for name in ("US$1 or US$5", "US$1 or US$5 ")]
    assert all(chart.markup.startswith("<figure") for chart in same)


def test_78_no_formula_is_drawn_although_the_users_settings_ask_for_it():
    import matplotlib as mpl

    plain = counts_chart(counted(["US$1 or US$5", "b"]), 30).markup
    with mpl.rc_context({"text.usetex": True, "font.size": 30, "axes.facecolor": "red", "text.parse_math": True}):
        assert counts_chart(counted(["US$1 or US$5", "b"]), 30).markup == plain


@pytest.mark.parametrize("script", SCRIPTS)
def test_79_signs_of_other_scripts_are_drawn(script):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for chart in charts([SCRIPTS[script], "kayak"]):
            assert "No font here has" not in chart.markup


def test_79_packages_are_enough_where_the_system_has_no_font(monkeypatch):
    monkeypatch.setattr(fonts, "SYSTEM", ())
    fonts._fonts.cache_clear()
    fonts._families.cache_clear()
    try:
        for name in ("帆船", "नाव", "قارب", "ヨット", "배"):
            assert "No font here has" not in counts_chart(counted([name, "kayak"]), 30).markup, name
    finally:
        fonts._fonts.cache_clear()
        fonts._families.cache_clear()


def test_79_a_sign_that_is_nowhere_is_said(monkeypatch):
    monkeypatch.setattr(fonts, "_fonts", dict)
    fonts._families.cache_clear()
    chart = counts_chart(counted(["kayak \u5e06", "b"]), 30)
    fonts._families.cache_clear()
    assert "No font here has" in chart.markup
    assert "so the picture shows a box there" in chart.markup


# --- 82: long names, columns that cannot differ, natural order

LONG = ["a very long name " * 12 + "one", "a very long name " * 12 + "two", "b"]


def test_82_long_names_are_cut_with_all_of_them_at_hand():
    short = names.shortened(LONG)
    assert len(set(short.values())) == 3
    assert all(len(name) <= names.LONGEST for name in short.values())
    rows = predictions(LONG * 4, 11, LONG)
    soup = BeautifulSoup(confusion.matrix(rows, ROOT).markup, "html.parser")
    heads = [head.get_text() for head in soup.select("thead th")]
    assert max(map(len, heads)) <= names.LONGEST
    assert [span["title"] for span in soup.select("thead th span[title]")] == LONG[:2]
    for chart in charts(LONG):
        width, height = chart.figure.get_size_inches()
        assert width < 15
        buffer = io.BytesIO()
        with theme.applied():
            chart.figure.savefig(buffer, format="png", bbox_inches="tight", dpi=50)
        from PIL import Image

        assert Image.open(buffer).width < 1.5 * width * 50
    assert len(names.shortened(["x" * 100] * 2 + ["x" * 99])) == 2


def test_82_no_column_that_cannot_differ():
    rows = predictions(["a", "b", "c"] * 5, 12, ["a", "b", "c"])
    split = rows[["photo", "label"]].assign(split="test")
    table = results.metrics.per_class(rows, split, [1, 3, 5])
    assert not {"top3", "top5"} & set(table.columns)
    assert not {"top3", "top5"} & set(results.metrics.overall(rows, [1, 3, 5]))
    assert "top-" not in show.classes.table(table).markup
    many = list("abcdefg")
    assert {"top3", "top5"} <= set(results.metrics.per_class(predictions(many, 7, many), split, [1, 3, 5]).columns)


def test_82_classes_stand_in_natural_order():
    classes = ["1", "2", "10", "item 2", "item 10", "Item 3"]
    shuffled = ["item 10", "2", "10", "item 2", "Item 3", "1"]
    wanted = ["1", "2", "10", "item 2", "Item 3", "item 10"]
    assert natural(shuffled) == natural(classes) == wanted
    rows = predictions([*wanted] * 3, 18, wanted)
    split = rows[["photo", "label"]].assign(split="test")
    table = results.metrics.per_class(rows, split, [1])
    assert class_verdicts.class_verdicts(table.sample(frac=1, random_state=1), 0.9)["class"].tolist() == wanted
    assert results.review.by_answer(rows, 0.5)["answer"].tolist() == ["all answers", *wanted]
    assert results.tta.per_class({"plain": rows})["class"].tolist() == wanted
