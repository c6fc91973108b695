"""What the model may have learnt instead of the things."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import ngettext
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
    FILE: lambda: _("the file alone, without the picture"),
    BORDER: lambda: _("the colours of a thin border"),
    CORNERS: lambda: _("the colours of the four corners"),
    BACKGROUND: lambda: _("one background colour"),
    MIDDLE: lambda: _("for comparison: the colours of the middle"),
}
FACTS = {
    "format": lambda: _("file format"),
    "colour": lambda: _("with or without colour"),
    "camera": lambda: _("camera"),
    "software": lambda: _("software"),
    "size": lambda: _("size"),
    "shape": lambda: _("shape"),
    "quality": lambda: _("JPEG quality"),
    "bytes": lambda: _("bytes"),
    "date": lambda: _("date"),
    "orientation": lambda: _("how the camera was held"),
}
SHOWN = 5  # classes that a sentence names


def _same_way(alike: bool) -> str:
    if alike:
        return _("Collect all classes the same way")
    return _("Collect all classes the same way, or set training.same_file: true, which makes all photos alike")


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


def in_short(found: Shortcuts) -> list[str]:
    """What the brief says of it, beside its verdict and its list of classes: a line for the rim of the pictures, one for each
    leak."""
    right = found.table.drop_duplicates("rule").set_index("rule")["right"]
    rim = sorted(set(found.near) - {FILE}, key=lambda rule: -right[rule])[:1]
    lines = [
        _(
            "It may have learnt the surroundings: {seen} alone name {share} of the photos rightly.",
            seen=SEES[rule](),
            share=percent(right[rule], 0),
        )
        for rule in rim
    ]
    for leak in found.leaks:
        counts = {"of": leak.of, "photos": leak.photos}
        if leak.kind == "seconds":
            lines.append(
                _(
                    "The figures are too good for new scenes: {photos} of {of} test photos show one that also taught.",
                    **counts,
                )
            )
        elif leak.kind == "place":
            lines.append(
                _(
                    "The figures are those of a few places: {photos} of {of} test photos are from where others taught.",
                    **counts,
                )
            )
        else:
            lines.append(
                _(
                    "The figures may be too good: {photos} of {of} test photos share a name's number with photos that taught.",
                    **counts,
                )
            )
    return lines


def words(found: Shortcuts) -> Html:
    """The warnings, or that there is no reason for one."""
    made = (
        [_("All photos were made alike before they were learnt from (training.same_file); this is what is left.")]
        if found.alike
        else []
    )
    if sentences := warnings(found):
        return sum(map(paragraph, made), Html("")) + bullets(sentences)
    share = found.table[found.table["rule"] == FILE].iloc[0]
    none = _(
        "No sign that it learnt anything but the things: the files alone tell {share} of the photos apart, "
        "where the commonest class is "
        "{chance}.",
        share=percent(share["right"], 0),
        chance=percent(share["chance"], 0),
    )
    return paragraph(" ".join([none, *made]))


def table(found: Shortcuts) -> Html:
    """What each rule reaches for all classes together, and for the class with which it is furthest from chance."""
    rows = []
    for rule, own in found.table.groupby("rule", sort=False):
        whole, own = own.iloc[0], own.iloc[1:]
        best = own.loc[(own["right"] - own["chance"]).idxmax()]
        row = {"what is seen": SEES[str(rule)](), "named rightly": whole["right"], "commonest class": whole["chance"]}
        words = f"{best['class']}: {percent(best['right'], 0)}, by chance {percent(best['chance'], 0)}"
        rows.append(row | {"the model": whole["model"], "class found best": words})
    shares = dict.fromkeys(("named rightly", "commonest class", "the model"), tables.whole_percent)
    return tables.table(pd.DataFrame(rows), "What rules reach that do not see the things", shares)


def _near(found: Shortcuts, rule: str) -> str:
    row = found.table[found.table["rule"] == rule].iloc[0]
    figures = {
        "share": percent(row["right"], 0),
        "model": percent(row["model"], 0),
        "chance": percent(row["chance"], 0),
    }
    if rule == FILE:
        facts = f" ({listing([FACTS[fact.name]() for fact in found.near[rule]])})" if found.near[rule] else ""
        return _(
            "A rule that looks at no picture, only at its file{facts}, is right for {share} of the photos; the "
            "model is right for {model}, "
            "always saying the commonest class for {chance}. So the model may have learnt how the photos were "
            "made, and not what they show. "
            "{same_way}; then see what is left.",
            facts=facts, same_way=_same_way(found.alike), **figures,
        )  # fmt: skip
    return _(
        "A rule that sees only {seen} is right for {share} of the photos; the model is right for {model}, "
        "always saying the commonest class "
        "for {chance}. So the model may have learnt the surroundings. Try it on photos from elsewhere before you trust it.",
        seen=SEES[rule](), **figures,
    )  # fmt: skip


def _given_away(rule: str, classes: Sequence[Found], alike: bool) -> str:
    count = len(classes)
    if rule == FILE:
        named = [f"{one.name} ({_counts(one)}: {', '.join(map(_fact, one.facts))})" for one in classes]
        return ngettext(
            "Recognised by the file alone, without a look at the picture: {names}. That the model names it "
            "rightly proves nothing. "
            "{same_way}.",
            "Recognised by the file alone, without a look at the picture: {names}. That the model names these "
            "classes rightly proves "
            "nothing. {same_way}.",
            count, names=listing(named, SHOWN), same_way=_same_way(alike),
        )  # fmt: skip
    named = [f"{one.name} ({_counts(one)})" for one in classes]
    return ngettext(
        "Recognised by {seen} alone: {names}. Look whether its photos have a frame, a stamp or a background of "
        "their own; if so, cut it "
        "off, or take photos without it.",
        "Recognised by {seen} alone: {names}. Look whether their photos have a frame, a stamp or a background "
        "of their own; if so, cut it "
        "off, or take photos without it.",
        count, seen=SEES[rule](), names=listing(named, SHOWN),
    )  # fmt: skip


def _counts(one: Found) -> str:
    return _(
        "{right} of {photos} found, {true} of such answers true",
        right=one.right,
        photos=one.photos,
        true=percent(one.true, 0),
    )


def _leak(leak: Leak) -> str:
    counts = {"of": leak.of, "photos": leak.photos}
    if leak.kind == "seconds":
        return _(
            "Of {of} test photos {photos} were taken within {seconds} seconds of a photo that taught, by the "
            "same camera: the same scene "
            "twice. The figures are too good for new scenes. Keep one photo of each scene, or keep scenes "
            "together with split.group_by.",
            seconds=BURST, **counts,
        )  # fmt: skip
    if leak.kind == "place":
        return _(
            "Of {of} test photos {photos} were taken within {metres} metres of a photo that taught. The "
            "figures are true for these places; "
            "elsewhere they may be lower. Keep places together with split.group_by, or test with photos from other places.",
            metres=PLACE, **counts,
        )  # fmt: skip
    return _(
        "Of {of} test photos {photos} have a number or folder in their name that photos which taught have, "
        "too. If such photos show one "
        "and the same (a patient, a vessel, a day), the figures are too good: set split.group_by: '{group_by}'.",
        group_by=leak.group_by, **counts,
    )  # fmt: skip


def _fact(fact: Fact) -> str:
    """A fact in words, by what is typical of the class and of the others."""
    own, others = fact.own, fact.others
    if fact.name == "format":
        return (
            _("{own} instead of {others}", own=own[0], others=others[0]) if own != others else _("another file format")
        )
    if fact.name == "colour":
        grey, most_grey = own[-1] > 0.5, others[-1] > 0.5
        if grey == most_grey:
            return _("another colour mode")
        return _("no colour") if grey else _("in colour")
    if fact.name == "size":
        sizes = [f"{size[0]:.0f} x {size[1]:.0f}" for size in (own, others)]
        if sizes[0] == sizes[1]:
            return _("other sizes")
        return _("typically {own} instead of {others} pixels", own=sizes[0], others=sizes[1])
    more = {
        "shape": lambda: (_("wider pictures"), _("narrower pictures")),
        "quality": lambda: (_("weaker JPEG compression"), _("stronger JPEG compression")),
        "bytes": lambda: (_("larger files"), _("smaller files")),
    }
    if fact.name in more:
        return more[fact.name]()[0 if _value(own) > _value(others) else 1]
    if fact.name == "camera":
        return _("another camera")
    if fact.name == "software":
        return _("other software")
    return _("other days") if fact.name == "date" else _("camera held differently")


def _value(typical: Sequence[Any]) -> float:
    return float(typical[0]) if typical and typical[0] == typical[0] else 0.0
