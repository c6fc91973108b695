"""How the photos are divided."""

from collections.abc import Sequence

import pandas as pd

from boatlib.order import natural
from boatlib.shares import percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import listing, photos_in_words


def sizes(counts: pd.DataFrame) -> Html:
    """How many photos teach, tune and judge."""
    sums, total = counts.sum(), counts.to_numpy().sum()
    smallest = counts.sum(axis=1).idxmin()
    return paragraph(
        f"{sums['train']:,} photos teach the model ({percent(sums['train'] / total, 0)}), {sums['val']:,} tune it "
        f"({percent(sums['val'] / total, 0)}) and {sums['test']:,} judge it ({percent(sums['test'] / total, 0)}). "
        f"The smallest class, {smallest}, has {photos_in_words(int(counts.loc[smallest, 'test']))} to be judged by."
    )


def given(catalog: pd.DataFrame, kept: Sequence[str], group_by: str) -> Html:
    """Which parts came with the set, which were made here, and what else stays together."""
    words = []
    parts = set(catalog["part"]) - {""}
    if kept:
        made = [name for name in ("val", "test") if name not in kept]
        words.append(f"The set came divided, and its {listing(kept)} stay{'s' if len(kept) == 1 else ''} as given.")
        words += [f"{listing(made)} {'is' if len(made) == 1 else 'are'} made of its train part."] if made else []
        used = catalog[catalog["status"] == "used"]
        without = natural(set(used["label"]) - set(used.loc[used["part"] == "val", "label"])) if "val" in kept else []
        if without:
            words.append(f"No photo in val, so tuned by the other classes: {listing(without, 8)}.")
    elif parts:
        words.append("The set came divided; that division is not kept (split.given: ignore).")
    if group_by:
        groups = catalog.loc[catalog["group_by"] != "", "group_by"].nunique()
        words.append(f"Photos of one group stay together: {groups:,} groups (split.group_by: {group_by}).")
    return paragraph(" ".join(words)) if words else Html("")


def table(counts: pd.DataFrame) -> Html:
    """Photos of each class in train, val and test, with the sums."""
    rows = pd.concat([counts, counts.sum().to_frame("all classes").T]).rename_axis("class").reset_index()
    rows["all"] = rows[["train", "val", "test"]].sum(axis=1)
    return tables.table(
        rows, "Photos by class and split", dict.fromkeys(["train", "val", "test", "all"], tables.number), "with-total"
    )
