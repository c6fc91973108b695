"""What the figures of an evaluation say, in words: work against errors, confidence, several looks, photos, comparisons."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.results import calibration, decisions
from boatlib.results.comparison import COLOURS, LARGEST
from boatlib.results.verdicts import proven_differences
from boatlib.shares import p_words, percent
from boatlib.show.html import Html, bullets, paragraph
from boatlib.show.sentences import listing, photos_in_words

NAMED = 8  # classes in a sentence about changes
CHANCE = 0.05  # p-values below it count as more than chance


def ranking(per_class: pd.DataFrame) -> Html:
    """Which classes are proven to be harder than others; no order is claimed where the ranges overlap."""
    pairs = proven_differences(per_class)
    untested = per_class.loc[per_class["test"] == 0, "class"].tolist()
    words = [f"{name} is harder than {listing(better, 4)}" for name, better in pairs[:3]]
    text = (
        f"The clearest differences, where the ranges do not overlap: {'; '.join(words)}. Other differences may be chance."
        if words
        else "The ranges of all classes overlap: the photos do not prove that one class is easier than another."
    )
    if untested:
        text += f" {listing(untested)}: no test photos, so nothing is known."
    return paragraph(text)


def work_against_errors(risks: pd.DataFrame) -> Html:
    """What checking the least certain tenth by hand saves. risks: `selective_risk` of the test photos."""
    rows = decisions.work_table(risks)
    none, tenth = rows.iloc[0], rows.iloc[min(2, len(rows) - 1)]
    return paragraph(
        f"Without any check {percent(none['risk'])} of the answers are wrong. If people check the least certain "
        f"{percent(tenth['checked'], 0)} of the photos by hand, {percent(tenth['risk'])} of the others is still wrong (95% range "
        f"{percent(tenth['risk_low'])} to {percent(tenth['risk_high'])})."
    )


def cheapest(val: pd.DataFrame, test: pd.DataFrame, cost_of_error: float, cost_of_check: float) -> Html:
    """The cheapest threshold, chosen on validation, and its cost on the test photos."""
    if not cost_of_error:
        return paragraph(
            "What is cheapest depends on what a wrong answer and what a check costs. With summary.cost_of_error and "
            "summary.cost_of_check in the params file, this page names the cheapest line.",
            "note",
        )
    threshold = decisions.cheapest_threshold(val, cost_of_error, cost_of_check)
    cost, none, every = (
        decisions.cost(test, line, cost_of_error, cost_of_check) for line in (threshold, 0.0, math.nextafter(1, 2))
    )
    rule = (
        "checking nothing is cheapest"
        if threshold <= 0
        else "checking everything is cheapest"
        if threshold > 1
        else f"it is cheapest to check answers given with less than {percent(threshold)} confidence"
    )
    return paragraph(
        f"If a wrong answer costs {cost_of_error:g} and a check {cost_of_check:g}, {rule} (chosen on the validation photos). "
        f"On the test photos that costs {cost:,.0f} per 100 photos; checking nothing costs {none:,.0f}, checking everything "
        f"{every:,.0f}."
    )


def confidence(predictions: pd.DataFrame, record: Mapping[str, Any]) -> Html:
    """Whether confidence can be taken at its word. predictions: of the test photos; record: `calibration.json`."""
    rows = calibration.reliability(predictions)
    items = [
        f"When it says {_between(row)} (on average {percent(row['said'])}), it is right for {row['correct']} of {row['photos']}: "
        f"{percent(row['right'], 0)} (95% range {percent(row['right_low'], 0)} to {percent(row['right_high'], 0)})."
        for row in rows.sort_values("from", ascending=False).to_dict("records")
    ]
    too_sure = rows[rows["said"] > rows["right_high"]]
    too_shy = rows[rows["said"] < rows["right_low"]]
    if len(too_sure):
        first = f"It is too sure of itself where it says {listing([_between(r) for r in too_sure.to_dict('records')])}."
    elif len(too_shy):
        first = f"It is more often right than it says at {listing([_between(r) for r in too_shy.to_dict('records')])}."
    else:
        first = (
            "Nothing in this test contradicts its confidence: in every group what it says lies within the range of "
            "what came true."
        )
    before = calibration.with_temperature(predictions, 1 / record["temperature"])
    gaps = [calibration.expected_calibration_error(table) * 100 for table in (before, predictions)]
    last = (
        f"The confidence was adjusted by one number, a temperature of {record['temperature']:.2f}, fitted on the "
        f"{record['photos']} validation photos alone. On the test photos, confidence and truth differ by {gaps[1]:.1f} points "
        f"on average; without the adjustment it would be {gaps[0]:.1f}."
    )
    return paragraph(first) + bullets(items) + paragraph(last, "note")


def _between(row: Mapping[str, Any]) -> str:
    if row["from"] <= 0:
        return f"less than {percent(row['to'], 0)}"
    return (
        f"{percent(row['from'], 0)} to {percent(row['to'], 0)}"
        if row["to"] < 1
        else f"{percent(row['from'], 0)} or more"
    )


def tta_changes(record: Mapping[str, Any], per_class: pd.DataFrame) -> Html:
    """Which classes gain and lose photos by several looks. per_class: `tta_per_class.csv`."""
    change = ((per_class[record["shown"]] - per_class["plain"]) * per_class["test"]).round().fillna(0).astype(int)
    names = per_class["class"]
    gain, lose = (
        [f"{name} ({number:+d})" for name, number in zip(names, change, strict=True) if number * sign > 0]
        for sign in (1, -1)
    )
    looks = record["looks"][record["shown"]]
    return paragraph(
        f"By class, in photos: {f'{listing(gain, NAMED)} gain' if gain else 'no class gains'}; "
        f"{f'{listing(lose, NAMED)} lose' if lose else 'no class loses'}. The cost: {looks} looks at each photo instead of one."
    )


def suspects(rows: pd.DataFrame, shown: int) -> Html:
    """How many labels are in doubt, and what that means."""
    if rows.empty:
        return paragraph("No label is in doubt that nobody has looked at.")
    judging = int((rows["split"] == "test").sum())
    text = (
        f"For {photos_in_words(len(rows))} the label is in doubt: a simple model that had learnt from the other photos only "
        f"finds another class as likely as it finds that class's own photos. "
        f"{'All' if len(rows) <= shown else f'The first {shown}'} are shown, the most doubtful first. Some labels will be wrong; "
        "some photos are merely hard."
    )
    if judging:
        text += (
            f" {judging} of them belong{'s' if judging == 1 else ''} to the test photos: correct only what is plainly wrong "
            "there, or the result will look better than it is."
        )
    return paragraph(text)


def more_photos(rows: pd.DataFrame) -> Html:
    """For which classes further photos help most. rows: `learning_curve.forecast_table`."""
    gain = rows.assign(gain=rows["doubled"] - rows["now"]).sort_values("gain", ascending=False)
    helped = gain[gain["gain"] >= 0.01].head(3)
    if helped.empty:
        return paragraph(
            "Twice as many photos would hardly change the result for any class: what is missing is not photos."
        )
    words = [
        f"{row['class']} (from {percent(row['now'], 0)} to about {percent(row['doubled'], 0)}, likely "
        f"{percent(row['doubled_low'], 0)} to "
        f"{percent(row['doubled_high'], 0)})"
        for row in helped.to_dict("records")
    ]
    return paragraph(f"Twice as many photos of every class would help most for {listing(words)}.")


def crop(rows: pd.DataFrame, record: Mapping[str, Any]) -> Html:
    """How much of the photos the model never sees, and whether that makes it wrong. rows: `accuracy_by_unseen`."""
    if record["unseen"] == 0:
        return paragraph("The model looks at the whole of each photo: nothing is cut off.")
    items = [
        f"Where {_between(row)} of the photo is not seen, {row['correct']} of {row['photos']} are named rightly: "
        f"{percent(row['right'], 0)} (95% range {percent(row['right_low'], 0)} to {percent(row['right_high'], 0)})."
        for row in rows.to_dict("records")
    ]
    unseen = percent(record["unseen"], 0)
    first = f"The model looks at a square in the middle. Of half of the photos it never sees {unseen} or more."
    proven, p_value = record["p_value"] < CHANCE, record["p_value"]
    if not proven:
        last = f"That it is wrong more often where it sees less is not proven ({p_words(p_value)})."
    elif record["unseen_wrong"] > record["unseen_right"]:
        last = f"It sees less of the photos that it names wrongly, beyond chance ({p_words(p_value)}): other cuts may help."
    else:
        last = f"It sees more of the photos that it names wrongly ({p_words(p_value)}): no sign that the cut causes the mistakes."
    return paragraph(first) + bullets(items) + paragraph(last)


def baselines(rows: pd.DataFrame, largest: str) -> Html:
    """The model beside two simple rules. rows: `against_baselines`."""
    right = {row["rule"]: row for row in rows.to_dict("records")}
    p_value = right[COLOURS]["p_value"]
    proof = "more than chance explains" if p_value < CHANCE else f"which chance could explain ({p_words(p_value)})"
    return paragraph(
        f"Always saying “{largest}” is right for {percent(right[LARGEST]['right'], 0)} of the test photos; a rule "
        "that sees nothing but "
        f"the mix of colours, for {percent(right[COLOURS]['right'], 0)}. The model is right for "
        f"{percent(right['model']['right'], 0)}, {proof}."
    )


def last_run(record: Mapping[str, Any] | None) -> Html:
    """The last run of the same name, on the photos that both judge by. record: `against_last_run`."""
    if record is None:
        return paragraph("There is no earlier run of this name with other results.")
    return two_runs(record, "the last one", "this run")


def two_runs(record: Mapping[str, Any], first: str, second: str) -> Html:
    """Two runs on the photos that both judge by. record: `comparison.between`; first, second: what they are called."""
    if not record["photos"]:
        return paragraph("The two runs were judged by other photos, so they cannot be compared in pairs.")
    proof = (
        f"more than chance explains ({p_words(record['p_value'])})"
        if record["p_value"] < CHANCE
        else f"which chance explains as well ({p_words(record['p_value'])})"
    )
    text = (
        f"On the {record['photos']} test photos that both runs judge by, {second} is right for {record['now_correct']}, {first} "
        f"was for {record['then_correct']}: {photos_in_words(record['fixed'])} put right, "
        f"{record['broken']} made wrong, {proof}."
    )
    settings = record["settings"]
    changed = f" Settings that differ: {'; '.join(settings)}." if settings else " The settings are the same."
    warning = "Do not choose settings by this: the test photos would no longer be new. The validation photos are there for that."
    return paragraph(text + changed) + paragraph(warning, "note")
