"""How the photos are divided."""

import pandas as pd

from boatlib.shares import percent
from boatlib.show.kit import tables
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import photos_in_words


def sizes(counts: pd.DataFrame) -> Html:
    """How many photos teach, tune and judge."""
    sums, total = counts.sum(), counts.to_numpy().sum()
    smallest = counts.sum(axis=1).idxmin()
    return paragraph(
        f"{sums['train']:,} photos teach the model ({percent(sums['train'] / total, 0)}), {sums['val']:,} tune it "
        f"({percent(sums['val'] / total, 0)}) and {sums['test']:,} judge it ({percent(sums['test'] / total, 0)}). "
        f"The smallest class, {smallest}, has {photos_in_words(int(counts.loc[smallest, 'test']))} to be judged by."
    )


def table(counts: pd.DataFrame) -> Html:
    """Photos of each class in train, val and test, with the sums."""
    rows = pd.concat([counts, counts.sum().to_frame("all classes").T]).rename_axis("class").reset_index()
    rows["all"] = rows[["train", "val", "test"]].sum(axis=1)
    return tables.table(
        rows, "Photos by class and split", dict.fromkeys(["train", "val", "test", "all"], tables.number), "with-total"
    )
