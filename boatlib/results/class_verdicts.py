"""What a class's figures allow to say: dependable, promising, not yet; and which classes are proven to differ."""

from collections.abc import Collection

import pandas as pd

from boatlib.order import natural
from boatlib.results.intervals import wilson

EVIDENCE = 0.75  # the lower end of a 95% range from which a share counts as shown
DEPENDABLE, PROMISING, NOT_YET, UNJUDGED = "dependable", "promising", "not yet", "no test photos"
ORDER = (DEPENDABLE, PROMISING, NOT_YET, UNJUDGED)


def class_verdicts(per_class: pd.DataFrame, dependable: float, shortcut: Collection[str] = ()) -> pd.DataFrame:
    """per_class with the columns verdict and why ("found" or "answers": which of the two is too low; "shortcut"; or empty).

    A class is dependable when both the share of its photos that are found (recall) and the share of answers with its name that
    are true (precision) reach `dependable`, and both 95% ranges stay above EVIDENCE. It is promising when both reach it, but
    too few photos show it. A class in `shortcut` (`Shortcuts.names`) is neither: its figures prove nothing. Sorted by verdict,
    then by name: within a verdict no class is ranked above another.
    """
    rows = per_class.copy()
    verdicts, reasons = [], []
    for row in rows.to_dict("records"):
        precision = row["correct"] / row["answers"] if row["answers"] else 0.0
        if not row["test"]:
            verdict, why = UNJUDGED, ""
        elif row["top1"] < dependable or precision < dependable:
            verdict, why = NOT_YET, "found" if row["top1"] <= precision else "answers"
        elif row["class"] in shortcut:
            verdict, why = NOT_YET, "shortcut"
        else:
            proven = min(row["top1_low"], wilson(row["correct"], row["answers"])[0]) >= EVIDENCE
            verdict, why = DEPENDABLE if proven else PROMISING, ""
        verdicts.append(verdict)
        reasons.append(why)
    rows = rows.assign(verdict=verdicts, why=reasons)
    places = {name: place for place, name in enumerate(natural(rows["class"]))}
    order = sorted(range(len(rows)), key=lambda n: (ORDER.index(verdicts[n]), places[rows["class"].iloc[n]]))
    return rows.iloc[order].reset_index(drop=True)


def proven_differences(per_class: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """For each class that others surpass beyond doubt (their 95% range begins where its own has ended): its name, and theirs.

    The class surpassed by most comes first.
    """
    judged = per_class[per_class["test"] > 0]
    rows = judged.set_index("class").loc[natural(judged["class"])].reset_index()
    found = []
    for row in rows.to_dict("records"):
        better = rows.loc[rows["top1_low"] > row["top1_high"], "class"].tolist()
        if better:
            found.append((str(row["class"]), [str(name) for name in better]))
    return sorted(found, key=lambda pair: -len(pair[1]))
