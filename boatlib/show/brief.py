"""The decision brief: one page that says whether to use the model, for what, and what to do next. Every word is written from
one record (`results.brief.record`), and so are the text for a mail and the line in the list of runs.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from boatlib.messages import gettext as _
from boatlib.messages import in_digits, ngettext, on_the_day
from boatlib.params import Share
from boatlib.policy import USE
from boatlib.results.brief import (
    ALONE,
    BLIND,
    BROKEN,
    CHECK_ALL,
    FINE,
    MISSED,
    SHORTCUT,
    UNPROVEN,
    UNTRUE,
    WEAK,
    WITH_CHECKS,
)  # fmt: skip
from boatlib.results.intervals import wilson
from boatlib.shares import confidence, of_hundred, percent
from boatlib.show.kit import gallery, tables
from boatlib.show.kit.html import Html, escape
from boatlib.show.kit.names import shortened
from boatlib.show.kit.words import errors, listing, up_to

NAMED, ITEMS = 5, 3  # classes in a list of names, and with a line of their own
ROWS = 6  # classes on the strip
LONG = 20  # characters of a name in a list of names: longer ones leave room for fewer
MOODS = {ALONE: "good", WITH_CHECKS: "good", CHECK_ALL: "care", BROKEN: "stop", BLIND: "stop"}


def title(share: Share, run: str) -> str:
    """What the report is called. share: `params.Share`; run: the run's name, which stands in where nothing is known."""
    if share.title:
        return str(share.title)
    return _("Naming {subject} photos", subject=share.subject) if share.subject else _("Naming photos: {run}", run=run)


def imprint(share: Share, made: date) -> list[str]:
    """Version, day, owner and contact, as far as they are given. made: the day."""
    return [part for part in (share.version, on_the_day(made), share.owner, share.contact) if part]


def decision(record: Mapping[str, Any]) -> str:
    """The verdict in two or three words."""
    return {
        ALONE: _("Use"),
        WITH_CHECKS: _("Use with checks"),
        CHECK_ALL: _("Check every answer"),
        BROKEN: _("Not yet"),
        BLIND: _("Not yet"),
    }[record["decision"]]


def accepts(record: Mapping[str, Any]) -> bool:
    """Whether any answer is accepted without a look."""
    return record["decision"] in (ALONE, WITH_CHECKS)


def what_it_is(record: Mapping[str, Any], subject: str = "") -> str:
    """What the model does, and how often it is right; where photos from elsewhere fare worse, that figure comes first."""
    classes = len(record["answers"])
    if subject:
        names = ngettext(
            "A program that looks for one class in {subject} photos",
            "A program that names one of {number} classes in {subject} photos",
            classes,
            subject=subject,
        )
    else:
        names = ngettext(
            "A program that looks for one class in a photo",
            "A program that names one of {number} classes in a photo",
            classes,
        )
    right, low, high = (of_hundred(record[name]) for name in ("accuracy", "accuracy_low", "accuracy_high"))
    told = record["elsewhere"]
    if told["differs"] and not told["apart"]:
        ends = {"middle": of_hundred(told["middle"]), "low": of_hundred(told["low"]), "high": of_hundred(told["high"])}
        return _(
            "{names}: on photos from elsewhere expect {middle} of 100 right ({low} to {high}), on photos like "
            "those that taught it {right}.",
            names=names,
            right=right,
            **ends,
        )
    return _(
        "{names}: right for {right} of 100 new ones ({low} to {high}; {photos} tested).",
        names=names,
        right=right,
        low=low,
        high=high,
        photos=record["photos"],
    )


def what_to_do(record: Mapping[str, Any]) -> str:
    """Which answers are accepted without a look, in a sentence."""
    judged = record["policy"]
    if record["decision"] == BLIND:
        return _("As much can be reached without looking at the pictures: its figures prove nothing yet.")
    if record["decision"] == BROKEN:
        return _("In the test more of its surest answers were wrong than was promised.")
    if record["decision"] == CHECK_ALL and judged["rule"] == "cost":
        return _("For the costs that were given, looking at all of them is cheapest.")
    if record["decision"] == CHECK_ALL:
        return _("It is not proven that few enough of its answers are wrong to accept any without a look.")
    if record["decision"] == ALONE:
        return _("Its answers can be accepted without a look.")
    lines = set(judged["lines"].values())
    if len(lines) == 1:
        return _(
            "Accept answers that are at least {line} sure; a person looks at the rest.", line=percent(lines.pop(), 0)
        )
    return _("Accept answers that are sure enough; a person looks at the rest.")


def wrong_accepted(record: Mapping[str, Any]) -> str:
    """How many of the answers that are accepted were wrong in the test: "2 of 201 (1.0%, up to 4 in 100)"."""
    judged = record["policy"]
    return errors(judged["wrong"], judged["used"], judged["wrong_high"])


def in_a_thousand(record: Mapping[str, Any]) -> str:
    """What becomes of 1,000 photos, in one sentence."""
    judged = record["policy"]
    accepted, others = judged["use_per_1000"], 1000 - judged["use_per_1000"]
    if not accepts(record):
        return _("A person looks at every answer.")
    return _(
        "Of {all} photos like these, about {accepted} answers are accepted and {others} go to a person; wrong "
        "of the accepted, in the test: "
        "{wrong}.",
        all=1000,
        accepted=accepted,
        others=others,
        wrong=wrong_accepted(record),
    )


def verdict(record: Mapping[str, Any], subject: str = "") -> str:
    """The whole verdict as a line of text, for the list of runs and for what a search engine or a chat shows of the page."""
    return f"{sentence(decision(record))} {what_it_is(record, subject)} {in_a_thousand(record)}"


def page(record: Mapping[str, Any], warnings: Sequence[str], share: Share, dependable: float, photos: Html) -> Html:
    """The brief: verdict, three figures, what it is for and not for, the classes on one scale, photos, what comes next.

    warnings: `shortcuts.in_short`; photos: `example_photos`.
    """
    worse = [since_last(record)] if got_worse(record) else []
    return Html(
        f'<section class="brief">{_badge(record)}'
        f'<p class="lead">{escape(what_it_is(record, share.subject))}</p>'
        f"{_warnings([*warnings, *worse])}{_figures(record)}{_columns(record, share)}"
        f"{strip(record, dependable).markup}{photos.markup}{_next(record, share)}</section>",
        "\n".join([verdict(record, share.subject), *warnings]),
    )


def _badge(record: Mapping[str, Any]) -> str:
    kind = record["decision"]
    head = f"<strong>{escape(decision(record))}</strong>"  # its sign comes from the style
    return f'<p class="decision {MOODS[kind]}">{head} {escape(what_to_do(record))}</p>'


def _warnings(warnings: Sequence[str]) -> str:
    return "".join(f'<p class="warning">{escape(text)}</p>' for text in warnings)


def _figures(record: Mapping[str, Any]) -> str:
    """Three figures; nothing where every answer is checked."""
    judged = record["policy"]
    if not accepts(record):
        return ""
    unsure, unknown = judged["check_per_1000"], judged["unknown_per_1000"]
    wrong = _("{wrong} of {of}", wrong=judged["wrong"], of=judged["used"])
    most = up_to(judged["wrong_high"])
    return tiles(
        [
            (in_digits(judged["use_per_1000"]), _("of {all} photos are accepted unchecked", all=1000)),
            (
                in_digits(unsure + unknown),
                _("go to a person: {unsure} unsure, {unknown} unfamiliar", unsure=unsure, unknown=unknown),
            ),
            (wrong, _("accepted were wrong in the test ({most})", most=most)),
        ]
    )


def tiles(items: Sequence[tuple[str, str]]) -> str:
    """Figures side by side, each with what it counts."""
    cells = "".join(
        f"<div><strong>{escape(figure)}</strong><span>{escape(words)}</span></div>" for figure, words in items
    )
    return f'<div class="tiles">{cells}</div>'


def _columns(record: Mapping[str, Any], share: Share) -> str:
    rows = _with_short_names(record["answers"])
    groups = {name: [row for row in rows if row["group"] == name] for name in (FINE, WEAK, UNPROVEN)}
    use = [share.intended_use] if share.intended_use else []
    fine = _("Yes, for") if accepts(record) else _("Best at")
    lost = [row for row in groups[WEAK] if _lost(row)]
    weak = [_weak(row) for row in _gravest_first(groups[WEAK]) if row not in lost]
    never = [
        _("mostly missed: {names}", names=name) for name in _names([str(row["answer"]) for row in _gravest_first(lost)])
    ]
    not_for = [*([share.not_for] if share.not_for else []), *never, *strangers(record), *_elsewhere(record)]
    columns = [
        (FINE, fine, [*use, *_names([str(row["answer"]) for row in groups[FINE]])]),
        (WEAK, _("With care"), _few(weak)),
        (UNPROVEN, _("Too few photos to say"), _names([str(row["answer"]) for row in groups[UNPROVEN]])),
        ("stop", _("Not for"), not_for),
    ]
    blocks = [
        f'<div class="{mood}"><h2>{escape(head)}</h2><ul>{"".join(f"<li>{escape(item)}</li>" for item in items)}</ul></div>'
        for mood, head, items in columns
        if items
    ]
    return f'<div class="columns">{"".join(blocks)}</div>'


def _lost(row: Mapping[str, Any]) -> bool:
    """Whether most photos of a class get another name."""
    return bool(row["why"] == MISSED and row["found"] < row["photos"] / 2)


def _with_short_names(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    short = shortened([str(row["answer"]) for row in rows])
    return [{**row, "answer": short[str(row["answer"])]} for row in rows]


def _names(names: Sequence[str]) -> list[str]:
    """One item with the names; of many the first ones."""
    shown = min(NAMED, len(names))
    while shown > 1 and len(", ".join(names[:shown])) > NAMED * LONG:
        shown -= 1
    return [listing(names, shown)] if names else []


def _few(items: list[str]) -> list[str]:
    """Items, of many the first ones."""
    more = len(items) - ITEMS
    return items if more <= 1 else [*items[:ITEMS], ngettext("{number} more class", "{number} more classes", more)]


def _gravest_first(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those with the lower share of photos found, or of answers that are true."""
    return sorted(rows, key=lambda row: min(_share(row), row["found"] / row["given"] if row["given"] else 0.0))


def _weak(row: Mapping[str, Any]) -> str:
    name = str(row["answer"])
    if row["why"] == SHORTCUT:
        return _("{name}: recognised without what it shows", name=name)
    if row["why"] == MISSED:
        return _(
            "{name}: {missed} of {photos} missed", name=name, missed=row["photos"] - row["found"], photos=row["photos"]
        )
    if row["why"] == UNTRUE:
        wrong = row["given"] - row["found"]
        return _("{name}: {wrong} of {given} such answers wrong", name=name, wrong=wrong, given=row["given"])
    checked = row["given"] - row["used"]
    return _("{name}: {checked} of {given} answers go to a person", name=name, checked=checked, given=row["given"])


def strangers(record: Mapping[str, Any]) -> list[str]:
    """What happens to photos of something else: of the classes that were not taught, and of anything."""
    told, items = record["strangers"], []
    names = [
        _("{what} ({noticed} of {photos} flagged)", what=row["what"], noticed=row["noticed"], photos=row["photos"])
        for row in told["left_out"]
    ]
    seen = {row["what"] for row in told["left_out"]}
    names += [name for name in record["not_taught"] if name not in seen]
    if names:
        items.append(_("never taught: {names}", names=listing(names, 3)))
    if told["tried"]:
        items.append(
            _(
                "anything else: {least} to {most} of 100 flagged, the rest misnamed",
                least=of_hundred(told["least"]),
                most=of_hundred(told["most"]),
            )
        )
    return items


def _elsewhere(record: Mapping[str, Any]) -> list[str]:
    told = record["elsewhere"]
    return [] if told["apart"] or told["differs"] else [_("other places or cameras, until tried")]


def strip(record: Mapping[str, Any], dependable: float) -> Html:
    """All classes on one scale: how many of their photos are named rightly. Of many classes those that fare worst, and the
    others in one row.
    """
    rows = sorted(_with_short_names(record["answers"]), key=lambda row: (not row["photos"], _share(row), row["answer"]))
    shown, rest = (rows[:ROWS], rows[ROWS:]) if len(rows) > ROWS + 2 else (rows, [])
    lines = [_strip_row(str(row["answer"]), row, dependable) for row in shown]
    if rest:
        both = {name: sum(row[name] for row in rest) for name in ("found", "photos")}
        both["low"], both["high"] = wilson(both["found"], both["photos"])
        both["group"] = FINE if {row["group"] for row in rest} == {FINE} else "mixed"
        name = ngettext("{number} other class", "{number} other classes", len(rest))
        lines.append(_strip_row(name, both, dependable))
    caption = _("Named rightly; bar: margin of error; line: the aim, {line}", line=percent(dependable, 0))
    scale = f'<span class="ticks"><span>0</span><span>{percent(0.5, 0)}</span><span>{percent(1, 0)}</span></span>'
    head = "".join(
        f'<th scope="col"{css}>{inside}</th>'
        for css, inside in (
            ("", f'<span class="unseen">{escape(_("class"))}</span>'),
            ("", scale),
            (' class="number"', f'<span class="unseen">{escape(_("right"))}</span>'),
        )
    )
    return Html(
        f'<table class="strip"><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>",
        caption,
    )


def _share(row: Mapping[str, Any]) -> float:
    return row["found"] / row["photos"] if row["photos"] else 0.0


def _strip_row(name: str, row: Mapping[str, Any], line: float) -> str:
    tested = bool(row["photos"])
    drawing = tables.dot_range(row["low"], row["high"], _share(row), line) if tested else ""
    right = f"{in_digits(row['found'])}/{in_digits(row['photos'])}" if tested else _("not tested")
    return (
        f'<tr class="{row["group"]}"><th scope="row">{escape(name)}</th><td class="scale">{drawing}</td>'
        f'<td class="number">{escape(right)}</td></tr>'
    )


def example_photos(right: pd.DataFrame, wrong: pd.DataFrame, root: Path) -> Html:
    """Photos that were named rightly, and wrongly. right, wrong: `results.brief.examples`; root: the folder of the photos."""
    unseen = len(wrong) > 0 and set(wrong["action"]) == {USE}
    heads = (_("Right"), _("Wrong and accepted: shows → says") if unseen else _("Wrong: shows → says"))
    blocks = [
        f"<div><h2>{escape(head)}</h2>{gallery.grid(gallery.cards(rows, root, _example), 'three')}</div>"
        for head, rows in zip(heads, (right, wrong), strict=True)
        if len(rows)
    ]
    return Html(f'<div class="examples">{"".join(blocks)}</div>' if blocks else "", "")


def _example(row: Mapping[str, Any]) -> tuple[str, list[str]]:
    shows, says = str(row["label"]), str(row["predicted"])
    sure = confidence(row["confidence"], 0)
    if shows == says:
        return _("Photo of {shows}, named rightly", shows=shows), [shows]
    alt = _("Photo of {shows}, called {says}", shows=shows, says=says)
    return alt, [f"{shows} → {says}, {sure}"]


def next_steps(record: Mapping[str, Any]) -> list[str]:
    """What comes next, in sentences, the most urgent first."""
    return [_step(step) for step in record["next"]]


def _step(step: Mapping[str, Any]) -> str:
    what = step["what"]
    if what == "same_way":
        if not step["classes"]:
            return _("Makers: collect photos of all classes in the same way.")
        names = listing(step["classes"], 3)
        return _("Makers: collect photos of all classes in the same way, above all of {names}.", names=names)
    if what == "try_own":
        return ngettext(
            "You: try it on {number} photo of your own, and check.",
            "You: try it on {number} photos of your own, and check.",
            step["photos"],
        )
    if what == "draw":
        return ngettext(
            "Makers: label about {number} more photo; then some answers may be accepted.",
            "Makers: label about {number} more photos; then some answers may be accepted.",
            step["photos"],
        )
    if what == "labels":
        return ngettext(
            "Makers: look at {number} photo that may be in the wrong class.",
            "Makers: look at {number} photos that may be in the wrong class.",
            step["photos"],
        )
    if what == "collect":
        return _(
            "Makers: collect twice as many photos of {names}.",
            names=listing(step["classes"], 3 if len(step["classes"]) == 3 else 2),
        )
    return ngettext(
        "Makers: search {number} minute for a better recipe.",
        "Makers: search {number} minutes for a better recipe.",
        step["minutes"],
    )


def _next(record: Mapping[str, Any], share: Share) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in next_steps(record))
    last = "" if got_worse(record) else since_last(record)  # it stands above then
    ends = [text for text in (last, test_again(), whom(share)) if text]
    return (
        f'<div class="next"><h2>{escape(_("Next"))}</h2><ol>{items}</ol></div>'
        f'<p class="note">{escape(" ".join(ends))}</p>'
    )


def since_last(record: Mapping[str, Any]) -> str:
    """What changed since the last run of the name; "" for a first one."""
    told = record["changed"]
    if told is None:
        return ""
    counts = {"fixed": told["fixed"], "broken": told["broken"]}
    if not told["fixed"] + told["broken"]:
        return _("Since the last run: no answer to a test photo changed.")
    if got_worse(record):
        return _("Worse than the last run: {broken} answers made wrong, {fixed} put right.", **counts)
    if told["proven"]:
        return _("Better than the last run: {fixed} answers put right, {broken} made wrong.", **counts)
    return _("As good as the last run.")


def got_worse(record: Mapping[str, Any]) -> bool:
    """Whether the last run of the name was better, by more than chance."""
    told = record["changed"]
    return bool(told and told["proven"] and told["broken"] > told["fixed"])


def test_again() -> str:
    """When the figures are no longer true."""
    return _("Test again when cameras, places or classes change.")


def sentence(words: str) -> str:
    """Words with the full stop of the language."""
    return _("{words}.", words=words)


def whom(share: Share) -> str:
    """Whom to ask; "" where nobody is named."""
    names = ", ".join(part for part in (share.owner, share.contact) if part)
    return _("Questions: {whom}.", whom=names) if names else ""


def mail(record: Mapping[str, Any], warnings: Sequence[str], share: Share, run: str, made: date) -> str:
    """A text for the body of a mail, of the same record: at most 120 words, no markup."""
    not_for = [*([share.not_for] if share.not_for else []), *strangers(record)[:1]]
    parts = [
        f"{title(share, run)} ({', '.join(part for part in (share.version, on_the_day(made)) if part)})",
        f"{sentence(decision(record))} {what_it_is(record, share.subject)}",
        in_a_thousand(record),
        *([" ".join(warnings)] if warnings else []),
        *([_("Not for: {what}.", what="; ".join(not_for))] if not_for else []),
        *([_("Next: {step}", step=next_steps(record)[0])] if record["next"] else []),
        *([whom(share)] if whom(share) else []),
        _("Attached: the brief, one page, and its appendix."),
    ]
    return "\n\n".join(parts) + "\n"
