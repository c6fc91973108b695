"""Labels in doubt: photos that, to a head that has never seen them, look like another class."""

import numpy as np
import pandas as pd


def find_suspects(photos: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """Photos whose label is in doubt, the most doubtful first; without those whose label a person has decided.

    photos: columns photo, label, split, decision; probabilities: out of fold, float64 [photos, classes], classes sorted by name.
    A photo is suspect when a class other than its label is as probable as that class usually is for its own photos, and the most
    probable such class (C. G. Northcutt et al., Confident learning, JAIR 70 (2021)).
    Columns photo, label, split, suggested, self_confidence (probability of the label), suggested_confidence.
    """
    classes = np.array(sorted(set(photos["label"])), dtype=object)
    own = pd.Categorical(photos["label"], classes).codes
    self_confidence = probabilities[np.arange(len(photos)), own]
    usual = np.array([self_confidence[own == number].mean() for number in range(len(classes))])
    reached = np.where(probabilities >= usual, probabilities, -1.0)
    best = reached.argmax(axis=1)
    rows = photos[["photo", "label", "split"]].assign(
        suggested=classes[best], self_confidence=self_confidence, suggested_confidence=reached.max(axis=1)
    )
    suspect = (best != own) & (reached.max(axis=1) > self_confidence) & (photos["decision"] == "").to_numpy()
    return rows[suspect].sort_values(["self_confidence", "photo"]).reset_index(drop=True)
