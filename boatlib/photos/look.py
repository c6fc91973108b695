"""How a set would be read, on one screen, with the lines for a params file; no file but a few is opened."""

import random
import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from boatlib.errors import BoatlibError
from boatlib.order import natural
from boatlib.photos.images import open_photo
from boatlib.photos.layout.listing import Listing
from boatlib.photos.layout.parts import TEST, TRAIN, VAL

SHOWN, EXAMPLES = 14, 24  # classes; photos that are opened
"""Enough to see what is typical."""


def screen(name: str, listing: Listing, minimum: int, opened: Counter[str]) -> str:
    """What was understood. name: the set as it was named; minimum: photos that a class needs; opened: what a few photos are."""
    used = listing.used
    kinds = "; ".join(f"{count} {what}" for what, count in opened.most_common(4))
    lines = [
        f"{name}",
        f"  {len(listing.rows):,} files: {len(used):,} photos of {used['label'].nunique()} classes, "
        f"{len(listing.rows) - len(used):,} "
        "left out",
        *([f"  Opened a few: {kinds}"] if kinds else []),
        "",
        "How it is read",
        *(_wrapped(note) for note in listing.notes or ["One folder of photos for each class."]),
        "",
        *_classes(used, minimum),
    ]
    skipped = listing.rows[listing.rows["reason"] != ""]
    if len(skipped):
        lines += ["", "Left out"]
        by_reason = (
            skipped.groupby("reason", sort=False)["photo"].agg(["size", "first"]).sort_values("size", ascending=False)
        )
        lines += [f"  {row['size']:>7,}  {reason}: {row['first']}" for reason, row in by_reason.head(6).iterrows()]
    return "\n".join(lines)


def _classes(used: pd.DataFrame, minimum: int) -> list[str]:
    counts = used["label"].value_counts()
    parts = [part for part in (TRAIN, VAL, TEST) if part in set(used["part"])]
    table = pd.crosstab(used["label"], used["part"]).reindex(columns=parts, fill_value=0)
    order = natural(counts.index)
    shown = order if len(order) <= SHOWN else [*counts.index[: SHOWN - 4], *counts.index[-3:]]
    width = min(44, max((len(str(label)) for label in shown), default=5))
    lines = [f"{'Classes':<{width + 2}}  photos{''.join(f'{part:>8}' for part in parts)}"]
    for label in shown:
        note = f"   fewer than {minimum}: left out" if counts[label] < minimum else ""
        own = "".join(f"{table.at[label, part]:>8,}" for part in parts)
        lines.append(f"  {str(label)[:width]:<{width}}  {counts[label]:>6,}{own}{note}")
        if len(order) > len(shown) and label == shown[SHOWN - 5]:
            lines.append(f"  ... and {len(order) - len(shown)} more ...")
    return lines


def _wrapped(note: str, width: int = 110) -> str:
    return textwrap.fill(note, width, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)


def examples(listing: Listing) -> Counter[str]:
    """What a few photos are, drawn at random: format, and size in pixels; or why they cannot be read."""
    found: Counter[str] = Counter()
    photos = listing.used["photo"].tolist()
    for photo in random.Random(1).sample(photos, min(EXAMPLES, len(photos))):
        try:
            one = open_photo(listing.root / photo, shorter_side=64)
            found[f"{one.format} {one.width} x {one.height}"] += 1
        except BoatlibError as error:
            found[str(error)] += 1
    return found


def params_lines(images: str, listing: Listing, minimum: int, chosen: Mapping[str, Any]) -> str:
    """A params file for the set: what was chosen, and what is offered as comments."""
    counts = listing.used["label"].value_counts()
    small = counts[counts < minimum]
    wanted: dict[str, dict[str, Any]] = {}
    for name, value in chosen.items():
        section, _, key = name.partition(".")
        wanted.setdefault(section, {})[key] = value
    lines = [f"images: {_yaml(images)}"]
    comments = {
        "split.group_by": "photos that show one and the same stay together",
        "exploration.label_column": "another column",
    }
    offers = dict(listing.offers)
    if len(small) and len(counts) - len(small) < 2 or len(small) > len(counts) / 10:
        offers["exploration.min_photos_per_class"] = str(max(3, int(counts.min())))
        comments["exploration.min_photos_per_class"] = (
            f"keeps the {len(small)} classes with fewer than {minimum} photos"
        )
    sections = dict.fromkeys([*wanted, *(name.partition(".")[0] for name in offers)])
    for section in sections:
        lines.append(f"{section}:" if section in wanted else f"# {section}:")
        lines += [f"  {key}: {_yaml(value)}" for key, value in wanted.get(section, {}).items()]
        for name, value in offers.items():
            if name.startswith(f"{section}.") and name not in chosen:
                lines.append(f"#   {name.partition('.')[2]}: {_yaml(value)}  # {comments.get(name, '')}")
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str) and not value.isdigit():
        return "'" + value.replace("'", "''") + "'"
    return str(value)
