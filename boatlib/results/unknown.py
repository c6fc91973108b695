"""Would it notice? Photos that show none of what was taught: how many of them are called unfamiliar."""

from pathlib import Path

import numpy as np
import pandas as pd

from boatlib.model.features.store import Features
from boatlib.model.inference.familiarity import Familiarity, chosen, side_by_side
from boatlib.model.inference.predictor import Predictor
from boatlib.order import natural
from boatlib.photos.layout.listing import NONE_OF_THESE
from boatlib.photos.layout.reasons import Reason
from boatlib.policy import UNKNOWN

LEFT_OUT, NEVER_TAUGHT, BACKGROUND = "too few photos", "left out for this", "none of the classes"
MOST = 8  # classes that are left out in turn
COLUMNS = ["what", "kind", "photos", "noticed", "called"]


def photos_left_out(predictor: Predictor, catalog: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Columns COLUMNS, a row for each class that had too few photos to be taught: how many of them the model calls unfamiliar,
    and what it calls most of the others.
    """
    rows = catalog[catalog["reason_code"] == Reason.SMALL_CLASS]
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    answers = predictor.predict_catalogued(rows, root)
    parts = answers.assign(action=predictor.bundle.policy.actions(answers)).groupby("label")
    return _table([_row(str(name), LEFT_OUT, part["action"] == UNKNOWN, part["predicted"]) for name, part in parts])


def background(predictor: Predictor, predictions: pd.DataFrame) -> pd.DataFrame:
    """The same for test photos of a folder that shows none of the classes (`exploration.background`): noticed is what is called
    so, or unfamiliar.
    """
    own = predictions[predictions["label"] == NONE_OF_THESE]
    if own.empty:
        return pd.DataFrame(columns=COLUMNS)
    noticed = (predictor.bundle.policy.actions(own) == UNKNOWN) | (own["predicted"] == NONE_OF_THESE)
    return _table([_row(NONE_OF_THESE, BACKGROUND, noticed, own["predicted"])])


def leave_one_out(features: Features | np.ndarray, split: pd.DataFrame, refuse: float) -> pd.DataFrame:
    """The same for each class in turn (of many, for MOST of them), as if none of its photos had ever been taught.

    features: of the photos of the split, float32 [photos, n]; refuse: share of validation photos of the other classes that may be
    called unfamiliar. The answers to the others are those of the regression behind the unfamiliarity.
    """
    classes = natural(set(split["label"]))
    labels = pd.Categorical(split["label"], classes).codes.astype(np.int64)
    asked = np.unique(np.linspace(0, len(classes) - 1, min(MOST, len(classes))).round().astype(int))
    teach, tune = ((split["split"] == part).to_numpy() for part in ("train", "val"))
    if len(classes) < 3:
        return pd.DataFrame(columns=COLUMNS)

    def without(label: int) -> dict[str, object]:
        own = labels == label
        known = Familiarity.fit(chosen(features, np.flatnonzero(teach & ~own)), labels[teach & ~own])
        line = np.quantile(
            known.unfamiliarity(chosen(features, np.flatnonzero(tune & ~own))), 1 - refuse, method="higher"
        )
        photos = chosen(features, np.flatnonzero(own))
        answers = pd.Series(np.array(classes, dtype=object)[known.evidence(photos).argmax(axis=1)])
        return _row(classes[label], NEVER_TAUGHT, known.unfamiliarity(photos) >= line, answers)

    return _table(side_by_side(without, [(label,) for label in asked]))


def _row(what: str, kind: str, noticed: pd.Series | np.ndarray, answers: pd.Series) -> dict[str, object]:
    others = answers[~np.asarray(noticed, dtype=bool)].value_counts()
    called = ", ".join(str(name) for name in others.index[:2])
    return {
        "what": what,
        "kind": kind,
        "photos": len(answers),
        "noticed": int(np.sum(noticed)),
        "called": called,
    }


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)
