"""What the model may have learnt instead of the things."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from boatlib.results.shortcuts import (
    BACKGROUND,
    BORDER,
    BURST,
    CORNERS,
    FILE,
    MIDDLE,
    PLACE,
    Fact,
    Found,
    Leak,
    Shortcuts,
)
from boatlib.shares import percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, bullets, paragraph
from boatlib.show.kit.words import listing

SEES = {
    FILE: "the file alone, without the picture",
    BORDER: "the colours of a thin border",
    CORNERS: "the colours of the four corners",
    BACKGROUND: "one background colour",
    MIDDLE: "for comparison: the colours of the middle",
}
FACTS = {
    "format": "file format", "colour": "with or without colour", "camera": "camera", "software": "software", "size": "size",
    "shape": "shape", "quality": "JPEG quality", "bytes": "bytes", "date": "date", "orientation": "how the camera was held",
}  # fmt: skip
SHOWN = 5  # classes that a sentence names
SAME_WAY = "Collect all classes the same way"
SAME_FILE = f"{SAME_WAY}, or set training.same_file: true, which makes all photos alike"


def warnings(found: Shortcuts) -> list[str]:
    """What must be known before any figure of the model, the gravest first: sentences with their figures, and what to do."""
    right = found.table.drop_duplicates("rule").set_index("rule")["right"]
    rim = sorted(set(found.near) - {FILE}, key=lambda rule: -right[rule])[:1]
    words = [_near(found, rule) for rule in [*(rule for rule in found.near if rule == FILE), *rim]]
    best: dict[str, Found] = {}
    for one in sorted(found.classes, key=lambda one: (one.rule != FILE, -one.right / one.photos - one.true)):
        best.setdefault(one.name, one)
    for rule in SEES:
        own = [best[name] for name in found.names if best[name].rule == rule]
        words += [_given_away(rule, own, found.alike)] if own else []
    return [*words, *map(_leak, found.leaks)]


def record(found: Shortcuts) -> dict[str, list[str]]:
    """What `shortcuts.json` keeps for the summary: warnings, and classes that must never be called dependable."""
    return {"warnings": warnings(found), "classes": found.names}


def words(found: Shortcuts) -> Html:
    """The warnings, or that there is no reason for one."""
    made = (
        "All photos were made alike before they were learnt from (training.same_file); this is what is left."
        if found.alike
        else ""
    )
    if sentences := warnings(found):
        return (paragraph(made) if made else Html("")) + bullets(sentences)
    share = found.table[found.table["rule"] == FILE].iloc[0]
    return paragraph(
        f"No sign of it: from the files alone {percent(share['right'], 0)} of the photos are named rightly, where always "
        f"saying the commonest class reaches {percent(share['chance'], 0)} and the model {percent(share['model'], 0)}. No class "
        f"is found by its files, border, corners or background alone. {made}".strip()
    )


def table(found: Shortcuts) -> Html:
    """What each rule reaches for all classes together, and for the class with which it is furthest from chance."""
    rows = []
    for rule, own in found.table.groupby("rule", sort=False):
        whole, own = own.iloc[0], own.iloc[1:]
        best = own.loc[(own["right"] - own["chance"]).idxmax()]
        row = {"what is seen": SEES[str(rule)], "named rightly": whole["right"], "commonest class": whole["chance"]}
        words = f"{best['class']}: {percent(best['right'], 0)}, by chance {percent(best['chance'], 0)}"
        rows.append(row | {"the model": whole["model"], "class found best": words})
    shares = dict.fromkeys(("named rightly", "commonest class", "the model"), tables.whole_percent)
    return tables.table(pd.DataFrame(rows), "What rules reach that do not see the things", shares)


def _near(found: Shortcuts, rule: str) -> str:
    row = found.table[found.table["rule"] == rule].iloc[0]
    figures = (
        f"right for {percent(row['right'], 0)} of the photos; the model is right for {percent(row['model'], 0)}, always "
        f"saying the commonest class for {percent(row['chance'], 0)}"
    )
    if rule == FILE:
        facts = f" ({listing([FACTS[fact.name] for fact in found.near[rule]])})" if found.near[rule] else ""
        return (
            f"A rule that looks at no picture, only at its file{facts}, is {figures}. So the model may have learnt how the "
            f"photos were made, and not what they show. {SAME_WAY if found.alike else SAME_FILE}; then see what is left."
        )
    return (
        f"A rule that sees only {SEES[rule]} is {figures}. So the model may have learnt the surroundings. Try it on photos "
        "from elsewhere before you trust it."
    )


def _given_away(rule: str, classes: Sequence[Found], alike: bool) -> str:
    if rule == FILE:
        named = [f"{one.name} ({_counts(one)}: {', '.join(map(_fact, one.facts))})" for one in classes]
        return (
            f"Recognised by the file alone, without a look at the picture: {listing(named, SHOWN)}. That the model names "
            f"{'it' if len(classes) == 1 else 'these classes'} rightly proves nothing. {SAME_WAY if alike else SAME_FILE}."
        )
    named = [f"{one.name} ({_counts(one)})" for one in classes]
    return (
        f"Recognised by {SEES[rule]} alone: {listing(named, SHOWN)}. Look whether {'its' if len(classes) == 1 else 'their'} "
        "photos have a frame, a stamp or a background of their own; if so, cut it off, or take photos without it."
    )


def _counts(one: Found) -> str:
    return f"{one.right} of {one.photos} found, {percent(one.true, 0)} of such answers true"


def _leak(leak: Leak) -> str:
    head = f"Of {leak.of} test photos {leak.photos} "
    if leak.kind == "seconds":
        return (
            f"{head}were taken within {BURST} seconds of a photo that taught, by the same camera: the same scene twice. The "
            "figures are too good for new scenes. Keep one photo of each scene, or keep scenes together with split.group_by."
        )
    if leak.kind == "place":
        return (
            f"{head}were taken within {PLACE} metres of a photo that taught. The figures are true for these places; elsewhere "
            "they may be lower. Keep places together with split.group_by, or test with photos from other places."
        )
    return (
        f"{head}have a number or folder in their name that photos which taught have, too. If such photos show one and the "
        f"same (a patient, a vessel, a day), the figures are too good: set split.group_by: '{leak.group_by}'."
    )


def _fact(fact: Fact) -> str:
    """A fact in words, by what is typical of the class and of the others."""
    own, others = fact.own, fact.others
    if fact.name == "format":
        return f"{own[0]} instead of {others[0]}" if own != others else "another file format"
    if fact.name == "colour":
        grey, most_grey = own[-1] > 0.5, others[-1] > 0.5
        return (
            "no colour" if grey and not most_grey else "in colour" if most_grey and not grey else "another colour mode"
        )
    if fact.name == "size":
        sizes = [f"{size[0]:.0f} x {size[1]:.0f}" for size in (own, others)]
        return f"typically {sizes[0]} instead of {sizes[1]} pixels" if sizes[0] != sizes[1] else "other sizes"
    more: dict[str, tuple[str, str]] = {
        "shape": ("wider pictures", "narrower pictures"),
        "quality": ("weaker JPEG compression", "stronger JPEG compression"),
        "bytes": ("larger files", "smaller files"),
    }
    if fact.name in more:
        return more[fact.name][0 if _value(own) > _value(others) else 1]
    return {"camera": "another camera", "software": "other software", "date": "other days"}.get(
        fact.name, "camera held differently"
    )


def _value(typical: Sequence[Any]) -> float:
    return float(typical[0]) if typical and typical[0] == typical[0] else 0.0
