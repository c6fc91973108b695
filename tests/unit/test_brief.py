"""The decision brief: what its record says of made-up results, and that page, mail and list of runs say the same."""

import base64
import io
import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from PIL import Image

from boatlib.errors import ParameterError
from boatlib.params import Share
from boatlib.pipeline import preflight
from boatlib.policy import CHECK, USE, Policy
from boatlib.report import render
from boatlib.results import brief as results_brief
from boatlib.results import class_verdicts
from boatlib.results import policy as results_policy
from boatlib.results.intervals import wilson
from boatlib.show import brief
from boatlib.show.kit.html import Html

CLOSE = {"differs": False, "apart": False, "low": 0.88, "middle": 0.9, "high": 0.92}
FAR = {"differs": True, "apart": False, "low": 0.7, "middle": 0.75, "high": 0.8}
SEARCHED = {"points": None, "needed": None, "minutes": 2}
UNKNOWN = pd.DataFrame(
    [("raft", "too few photos", 20, 5, "kayak"), ("buoy", "left out for this", 50, 10, "kayak")]
    + [("kayak", "left out for this", 50, 40, "buoy")],
    columns=["what", "kind", "photos", "noticed", "called"],
)


def photos_of(counts, sure=0.95, unsure=0.4):
    """Counts has for each class test photos, wrong and sure ones, wrong and unsure ones; these are called as the class before."""
    names, rows = list(counts), []
    for place, (name, (photos, sure_wrong, unsure_wrong)) in enumerate(counts.items()):
        for number in range(photos):
            wrong = number < sure_wrong + unsure_wrong
            said = names[place - 1] if wrong else name
            rows.append(
                (
                    f"{name}/{number}.jpg",
                    name,
                    said,
                    unsure if sure_wrong <= number < sure_wrong + unsure_wrong else sure,
                )
            )
    return pd.DataFrame(rows, columns=["photo", "label", "predicted", "confidence"]).assign(unfamiliarity=0.0)


def per_class(predictions):
    rows = []
    for name in predictions["label"].unique():
        own = predictions[predictions["label"] == name]
        right = int((own["predicted"] == name).sum())
        given = int((predictions["predicted"] == name).sum())
        rows.append((name, right, len(own), right / len(own), *wilson(right, len(own)), given))
    return pd.DataFrame(rows, columns=["class", "correct", "test", "top1", "top1_low", "top1_high", "answers"])


def recorded(
    counts, line=0.5, elsewhere=CLOSE, near=False, shortcut=(), suspects=0, last=None, search=SEARCHED, needed=0
):
    predictions, policy = photos_of(counts), Policy({"": line}, needed=needed)
    table = per_class(predictions)
    verdicts = class_verdicts.class_verdicts(table, 0.9, shortcut)
    judged = results_policy.judged(policy, predictions)
    right = int((predictions["predicted"] == predictions["label"]).sum())
    low, high = wilson(right, len(predictions))
    overall = {"photos": len(predictions), "correct": right, "accuracy": right / len(predictions)}
    overall |= {"accuracy_low": low, "accuracy_high": high}
    forecasts = pd.DataFrame(
        {"class": table["class"], "now": table["top1"], "doubled": np.minimum(1, table["top1"] + 0.05)}
    )
    next_steps = results_brief.steps(judged, near, list(shortcut), suspects, forecasts, verdicts, search)
    answers = results_brief.answers(verdicts, predictions, policy)
    return results_brief.record(overall, answers, judged, elsewhere, near, UNKNOWN, ["raft", "tug"], next_steps, last)


BOATS = {"buoy": (11, 1, 1), "ferry": (13, 0, 2), "gondola": (40, 0, 0), "kayak": (6, 0, 0), "sailboat": (80, 0, 0)}


def text_of(record, warnings=(), share=None):
    page = brief.page(record, warnings, share or Share(), 0.9, Html(""))
    return re.sub(r"\s+", " ", BeautifulSoup(page.markup, "html.parser").get_text(" "))


def test_each_class_has_one_place_in_the_brief():
    record = recorded(BOATS)
    groups = {row["answer"]: (row["group"], row["why"]) for row in record["answers"]}
    assert groups == {
        "gondola": ("fine", ""),
        "sailboat": ("fine", ""),
        "kayak": ("unproven", ""),  # six of six prove nothing
        "buoy": ("weak", "missed"),
        "ferry": ("weak", "missed"),
    }
    soup = BeautifulSoup(brief.page(record, [], Share(), 0.9, Html("")).markup, "html.parser")
    columns = {block.h2.get_text(): block.ul.get_text(" ") for block in soup.select(".columns div")}
    assert list(columns) == ["Yes, for", "With care", "Too few photos to say", "Not for"]
    for name, (group, _) in groups.items():
        places = [head for head, text in columns.items() if name in text and head != "Not for"]
        assert places == [{"fine": "Yes, for", "weak": "With care", "unproven": "Too few photos to say"}[group]]
    assert "never taught: raft (5 of 20 flagged) and tug" in columns["Not for"]
    assert "20 to 80 of 100 flagged" in columns["Not for"]


def test_a_class_found_by_its_files_is_never_among_those_it_is_for():
    row = next(row for row in recorded(BOATS, shortcut=["gondola"])["answers"] if row["answer"] == "gondola")
    assert (row["group"], row["why"]) == ("weak", "shortcut")


@pytest.mark.parametrize(
    ("change", "decision", "words"),
    [
        ({}, "use with checks", "Accept answers that are at least 50% sure"),
        ({"line": 0.0, "counts": {"a": (200, 0, 0), "b": (200, 0, 0)}}, "use", "can be accepted without a look"),
        ({"line": 2.0, "needed": 90}, "check all", "not proven that few enough"),
        ({"near": True}, "proves nothing", "without looking at the pictures"),
        (
            {"counts": {"a": (100, 20, 0), "b": (100, 0, 0)}},
            "promise broken",
            "more of its surest answers were wrong than was promised",
        ),
    ],
)
def test_the_verdict_follows_from_the_record(change, decision, words):
    record = recorded(**{"counts": BOATS} | change)
    assert record["decision"] == decision
    assert words in text_of(record)
    assert brief.verdict(record).startswith(brief.decision(record))


def test_the_lower_figure_comes_first_where_photos_from_elsewhere_fare_worse():
    text = brief.what_it_is(recorded(BOATS, elsewhere=FAR), "boat")
    assert text.index("on photos from elsewhere expect 75 of 100 right (70 to 80)") < text.index(
        "on photos like those that taught it 97"
    )
    assert "75" not in brief.what_it_is(recorded(BOATS, elsewhere=FAR | {"apart": True}))


def test_brief_mail_and_list_say_the_same_numbers():
    record, share = (
        recorded(BOATS, suspects=3),
        Share(subject="boat", owner="Ann", contact="ann@example.org", version="v2"),
    )
    page, mail = text_of(record, share=share), brief.mail(record, [], share, "boats", date(2026, 11, 26))
    judged = record["policy"]
    alone, others = str(judged["use_per_1000"]), str(1000 - judged["use_per_1000"])
    assert judged["use_per_1000"] == round(1000 * judged["used"] / judged["photos"])
    for text in (page, mail, brief.verdict(record)):
        assert alone in text
        assert others in text
        assert f"{judged['wrong']} of {judged['used']}" in text
        assert "97 of 100" in text
    assert mail.startswith("Naming boat photos (v2, 26 November 2026)")
    assert "Questions: Ann, ann@example.org." in mail
    assert "Ann" in page


def test_what_is_not_given_is_left_out():
    text = text_of(recorded(BOATS))
    for word in ("Questions", "None", "nan", "owner", "()", ": ."):
        assert word not in text
    said = text_of(recorded(BOATS), share=Share(intended_use="Sorting the webcams", not_for="Rescue at sea"))
    assert said.index("Sorting the webcams") < said.index("Not for") < said.index("Rescue at sea")


def test_steps_follow_the_data_and_do_not_contradict_the_curves():
    record = recorded(BOATS, suspects=5)
    assert [step["what"] for step in record["next"]] == ["try_own", "labels", "collect"]
    assert record["next"][0]["photos"] >= results_policy.fewest(0.02, 0.05)
    collect = record["next"][2]["classes"]
    fine = {row["answer"] for row in record["answers"] if row["dependable"] == "dependable"}
    assert set(collect)
    assert not set(collect) & fine
    minutes = recorded({"a": (200, 0, 0), "b": (200, 0, 0)}, search={"points": [1, 3], "needed": 11.2, "minutes": 2})
    assert minutes["next"][-1] == {"what": "minutes", "minutes": 12}
    draw = recorded(BOATS, line=2.0, needed=180)["next"][0]
    assert draw == {"what": "draw", "photos": 180}
    assert "draw" not in {step["what"] for step in recorded(BOATS, line=2.0, needed=12_000)["next"]}  # out of reach
    first = recorded(BOATS, shortcut=["buoy"])["next"][0]
    assert first == {"what": "same_way", "classes": ["buoy"]}


def test_what_changed_is_said_with_its_proof():
    last = {"photos": 150, "fixed": 9, "broken": 0, "p_value": 0.004}
    assert (
        brief.since_last(recorded(BOATS, last=last)) == "Better than the last run: 9 answers put right, 0 made wrong."
    )
    chance = brief.since_last(recorded(BOATS, last=last | {"fixed": 2, "p_value": 0.5}))
    assert chance == "As good as the last run."
    worse = recorded(BOATS, last=last | {"fixed": 0, "broken": 9})
    assert "Worse than the last run: 9 answers made wrong" in text_of(worse)
    assert text_of(worse).count("than the last run") == 1
    assert brief.since_last(recorded(BOATS)) == ""
    assert brief.since_last(recorded(BOATS, last=last | {"photos": 0})) == ""


def many(count, name="kind{}"):
    counts = {name.format(n): (20, n % 3 == 0, n % 2) for n in range(count)}
    return {key: tuple(map(int, value)) for key, value in counts.items()}


LONG = "a class with a name that is far too long for any table or line {}"


@pytest.mark.parametrize(
    "counts", [BOATS, many(2), many(43), many(200), many(43, LONG)], ids=["boats", "2", "43", "200", "long"]
)
def test_the_brief_stays_short(counts):
    share = Share(
        subject="boat", owner="Ann Example", contact="ann@example.org", intended_use="Sorting the webcams of the port."
    )
    record = recorded(counts, suspects=12, elsewhere=FAR)
    words = text_of(
        record, ["The figures are too good for new scenes: 12 of 97 test photos show one that also taught."], share
    ).split()
    if counts != many(43, LONG):
        assert len(words) <= 230  # and some below the photos
    mail = brief.mail(record, [], share, "boats", date(2026, 11, 26))
    assert len(mail.split()) <= 120
    soup = BeautifulSoup(brief.strip(record, 0.9).markup, "html.parser")
    assert len(soup.tbody.find_all("tr")) <= brief.ROWS + 2


def test_examples_are_right_and_wrong_ones_and_the_unseen_errors_come_first():
    predictions = photos_of(BOATS)
    right, wrong = results_brief.examples(predictions, Policy({"": 0.5}))
    assert (right["label"] == right["predicted"]).all()
    assert right["label"].is_unique
    assert (right["action"] == USE).all()
    assert (wrong["label"] != wrong["predicted"]).all()
    assert wrong["action"].tolist() == [USE, CHECK]
    none, _ = results_brief.examples(predictions, Policy())
    assert len(none) == 3
    assert set(none["action"]) == {CHECK}


def test_names_cannot_become_markup():
    name = "<img src=x onerror=alert(1)>"
    share = Share(owner=name, contact=name, intended_use=name, not_for=name, subject=name)
    markup = brief.page(recorded({name: (11, 0, 5), "b": (40, 0, 0)}), [name], share, 0.9, Html("")).markup
    assert not BeautifulSoup(markup, "html.parser").find_all(["img", "script"])


def test_a_name_from_right_to_left_does_not_turn_its_sentence():
    text = text_of(recorded({"קיאק": (13, 0, 4), "b": (40, 0, 0)}))
    assert "\u2068קיאק\u2069" in text


def test_nothing_is_left_of_the_old_summary():
    assert not (ROOT / "boatlib" / "show" / "verdict.py").exists()


def test_a_logo_is_fresh_pixels_and_what_is_no_picture_is_refused_before_the_first_step(project):
    (project / "logo.txt").write_text("no picture")
    with pytest.raises(ParameterError, match=r"share\.logo: logo\.txt cannot be used as a picture"):
        preflight._examine_logo("logo.txt")
    with pytest.raises(ParameterError, match="cannot be read"):
        preflight._examine_logo("missing.png")
    Image.new("RGB", (40, 20), "red").save(project / "logo.jpg", comment=b"secret")
    preflight._examine_logo("logo.jpg")
    shown = base64.b64decode(render._logo("logo.jpg").partition(",")[2])
    assert b"secret" not in shown
    assert Image.open(io.BytesIO(shown)).format == "WEBP"
    assert render._logo("") == ""
