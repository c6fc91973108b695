"""Which photos a person should look at one by one: labels that contradict each other, labels in doubt, and mistakes."""

import pandas as pd

from boatlib.photos.corrections import Corrections
from boatlib.shares import confidence

DIGITS = 9  # keys for classes
LIKELY = 0.02  # how probable a class must be to get one, where there are many
COLUMNS = ["photo", "sha256", "label", "set_label", "split", "why", "suggested", "other", "other_label"]


def review_queue(
    catalog: pd.DataFrame, duplicates: pd.DataFrame, suspects: pd.DataFrame, predictions: pd.DataFrame
) -> pd.DataFrame:
    """Columns COLUMNS, a row a photo (sha256), what is most likely wrong first: photos with two labels, then suspects, then the
    model's mistakes, the surest first. Photos of which a person has decided before the run are not among them.

    catalog: columns photo, sha256, label, set_label, decision, split; duplicates: of the catalog; suspects: `find_suspects`;
    predictions: of the test photos. suggested: another class that the photo may show, or ""; other, other_label: the photo whose
    label contradicts this one's, or "".
    """
    contradicting = duplicates[duplicates["conflict"]].merge(
        duplicates[["group", "photo", "label"]], on="group", suffixes=("", "_other")
    )
    contradicting = contradicting[contradicting["label"] != contradicting["label_other"]].drop_duplicates("photo")
    other = {group: sorted(set(labels)) for group, labels in contradicting.groupby("group")["label"]}
    doubted = [
        f"looks like {s}, {confidence(c, 0)}"
        for s, c in zip(suspects["suggested"], suspects["suggested_confidence"], strict=True)
    ]
    wrong = predictions[predictions["predicted"] != predictions["label"]].sort_values("confidence", ascending=False)
    said = [
        f"the model says {p}, {confidence(c, 0)}" for p, c in zip(wrong["predicted"], wrong["confidence"], strict=True)
    ]
    parts = [
        contradicting[["photo"]].assign(
            why=[f"labelled {' and '.join(other[group])}" for group in contradicting["group"]],
            suggested="",
            other=contradicting["photo_other"],
            other_label=contradicting["label_other"],
        ),
        suspects[["photo", "suggested"]].assign(why=doubted),
        wrong[["photo"]].assign(why=said, suggested=wrong["predicted"]),
    ]
    queue = pd.concat(parts).merge(catalog[["photo", "sha256", "label", "set_label", "decision", "split"]], on="photo")
    queue = queue[queue["decision"] == ""].drop_duplicates("sha256")
    return queue[COLUMNS].fillna({"other": "", "other_label": ""}).reset_index(drop=True)


class Review:
    """Going through a queue, photo by photo; each decision is written down at once."""

    def __init__(self, queue: pd.DataFrame, classes: list[str], corrections: Corrections, says: pd.DataFrame) -> None:
        """says: of each photo of the queue, what the model says (p_<class>)."""
        self.queue, self.classes, self.corrections, self._says = queue, classes, corrections, says
        decided = set(corrections.decided()["sha256"])
        undecided = [place for place, sha256 in enumerate(queue["sha256"]) if sha256 not in decided]
        self.place = undecided[0] if undecided else 0

    @property
    def photo(self) -> pd.Series:
        """The photo that is looked at."""
        return self.queue.iloc[self.place]

    @property
    def likely(self) -> list[str]:
        """The classes that digits stand for: all, in their order, or of many those that the photo may show instead of its
        label, the most likely first.
        """
        if len(self.classes) <= DIGITS:
            return self.classes
        row, shares = self.photo, self._says.iloc[self.place]
        likely = [name for name in self.classes if shares[f"p_{name}"] >= LIKELY]
        order = sorted(likely, key=lambda name: -shares[f"p_{name}"])
        named = dict.fromkeys([row["suggested"], row["other_label"], *order])
        return [name for name in named if name in self.classes and name != row["label"]][:DIGITS]

    def meaning(self, key: str) -> tuple[str, str]:
        """What a key asks for: a word for `act`, and a class where it is "label"; ("", "") for any other key."""
        if key.isdigit() and 0 < int(key) <= len(self.likely):
            return "label", self.likely[int(key) - 1]
        if key == "y" and self.photo["suggested"]:
            return "label", str(self.photo["suggested"])
        return KEYS.get(key, ""), ""

    def act(self, what: str, label: str = "") -> str:
        """Do what KEYS name, or "label": the photo shows `label`. Returns a sentence. Raises DataError where it is not kept."""
        if what == "undo":
            return self._undo()
        row = self.photo
        if what in ("next", "back"):
            self._move(1 if what == "next" else -1)
            return ""
        if what == "drop":
            self.corrections.drop(row["sha256"], row["photo"], row["set_label"])
        else:
            self.corrections.decide(row["sha256"], row["photo"], label or str(row["label"]), row["set_label"])
        self._move(1)
        words = {"keep": "the label is kept", "drop": "it is left out"}.get(what, f"it is {label}")
        return f"Written into {self.corrections.file.name}: {row['photo']}, {words}."

    def _undo(self) -> str:
        undone = self.corrections.undo()
        if undone is None:
            return "There is nothing to take back."
        found = self.queue.index[self.queue["sha256"] == undone["sha256"]]
        self.place = int(found[0]) if len(found) else self.place
        return f"Taken back: {undone['photo']}."

    def _move(self, by: int) -> None:
        self.place = min(max(self.place + by, 0), len(self.queue) - 1)


KEYS = {"k": "keep", "d": "drop", "u": "undo", "n": "next", "b": "back"}
