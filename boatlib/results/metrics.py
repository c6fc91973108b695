"""How good the predictions are. All numbers come from the table of predictions, none from the model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from boatlib.order import natural
from boatlib.predictions import SMALLEST, classes_of, probability_matrix
from boatlib.results.intervals import over_groups

WORST = 20  # classes in a matrix that is looked at
WHOLE, BLOCK, BLOCKS = 12, 7, 4  # classes of a matrix that is shown whole; of a part of a larger one; such parts


def rank_of_label(predictions: pd.DataFrame) -> pd.Series:
    """Place of the right class among all classes by probability: 1 is the answer given. Ties count against it."""
    probabilities = probability_matrix(predictions)
    own = _probability_of_label(predictions)
    ranks = (probabilities >= own[:, None]).sum(axis=1)
    right = (predictions["predicted"] == predictions["label"]).to_numpy()
    return pd.Series(np.where(right, 1, np.maximum(ranks, 2)), index=predictions.index)


def _probability_of_label(predictions: pd.DataFrame) -> np.ndarray:
    numbers = pd.Categorical(predictions["label"], classes_of(predictions)).codes
    return probability_matrix(predictions)[np.arange(len(predictions)), numbers]


def groups_of(predictions: pd.DataFrame, split: pd.DataFrame, catalog: pd.DataFrame) -> np.ndarray | None:
    """The group of each predicted photo where groups were asked for (`split.group_by`); None where there are none."""
    alike = catalog.set_index("photo")["group"].reindex(split["photo"]).to_numpy()
    if (split["group"].to_numpy() == alike).all():
        return None
    return split.set_index("photo")["group"].reindex(predictions["photo"]).to_numpy(dtype=object)


def per_class(
    predictions: pd.DataFrame, split: pd.DataFrame, top_k: list[int], groups: np.ndarray | None = None
) -> pd.DataFrame:
    """One row a class: the article's table with ranges.

    Columns class, train, val, test (photos), correct, top1, top1_low, top1_high (95%, `over_groups`), the other top<k>,
    loss (mean negative log-probability of the right class), precision, recall, f1, answers (photos that are given this name,
    rightly or not). Shares lie between 0 and 1.
    """
    from sklearn.metrics import precision_recall_fscore_support

    classes = classes_of(predictions)
    top_k = [k for k in top_k if k < len(classes)]  # among all classes the right one always is
    counts = pd.crosstab(split["label"], split["split"]).reindex(
        index=classes, columns=["train", "val", "test"], fill_value=0
    )
    precision, recall, f1, _ = precision_recall_fscore_support(
        predictions["label"], predictions["predicted"], labels=classes, zero_division=0
    )
    ranks = rank_of_label(predictions)
    losses = -np.log(np.maximum(_probability_of_label(predictions), SMALLEST))
    rows = []
    for number, name in enumerate(classes):
        own = (predictions["label"] == name).to_numpy()
        correct, total = int((ranks[own] == 1).sum()), int(own.sum())
        low, high = over_groups((ranks[own] == 1).to_numpy(), None if groups is None else groups[own])
        row: dict[str, Any] = {"class": name, **counts.loc[name].to_dict(), "correct": correct}
        row |= {"top1": correct / total if total else np.nan, "top1_low": low, "top1_high": high}
        row |= {f"top{k}": float((ranks[own] <= k).mean()) if total else np.nan for k in top_k if k > 1}
        row |= {"loss": float(losses[own].mean()) if total else np.nan}
        row |= {"precision": precision[number], "recall": recall[number], "f1": f1[number]}
        row |= {"answers": int((predictions["predicted"] == name).sum())}
        rows.append(row)
    return pd.DataFrame(rows)


def overall(
    predictions: pd.DataFrame, top_k: list[int], groups: np.ndarray | None = None, twins: Sequence[str] = ()
) -> dict[str, Any]:
    """The figures for all photos together: photos, correct, accuracy with its range, top<k>, balanced accuracy, loss.

    groups: of each photo, for the range; with them, `groups` says how many there are. twins: photos that have a twin in train;
    with any, `twins` holds their number, and photos, correct, accuracy and range without them.
    Balanced accuracy is the mean of the classes' recalls, so that a rare class counts as much as a common one.
    """
    ranks = rank_of_label(predictions)
    top_k = [k for k in top_k if k < len(classes_of(predictions))]
    correct, total = int((ranks == 1).sum()), len(predictions)
    low, high = over_groups((ranks == 1).to_numpy(), groups)
    more: dict[str, Any] = {} if groups is None else {"groups": len(set(groups))}
    alone = ~predictions["photo"].isin(twins).to_numpy()
    if not alone.all():
        own = (ranks[alone] == 1).to_numpy()
        ends = over_groups(own, None if groups is None else groups[alone])
        rest = {"photos": len(own), "correct": int(own.sum()), "accuracy": float(own.mean()) if len(own) else np.nan}
        more["twins"] = {"with_twin": int((~alone).sum()), **rest, "accuracy_low": ends[0], "accuracy_high": ends[1]}
    recalls = (ranks == 1).groupby(predictions["label"]).mean()
    losses = -np.log(np.maximum(_probability_of_label(predictions), SMALLEST))
    return {
        "photos": total,
        "correct": correct,
        "accuracy": correct / total,
        "accuracy_low": low,
        "accuracy_high": high,
        **{f"top{k}": float((ranks <= k).mean()) for k in top_k if k > 1},
        "balanced_accuracy": float(recalls.mean()),
        "loss": float(losses.mean()),
        "largest_class": float(predictions["label"].value_counts(normalize=True).max()),
        **more,
    }


def confusion_matrix(predictions: pd.DataFrame) -> pd.DataFrame:
    """Counts: a row a true class, a column a predicted class."""
    classes = classes_of(predictions)
    counts = pd.crosstab(predictions["label"], predictions["predicted"]).reindex(
        index=classes, columns=classes, fill_value=0
    )
    return counts.rename_axis(index="label", columns=None)


def worst_classes(matrix: pd.DataFrame, limit: int = WORST) -> tuple[pd.DataFrame, int]:
    """The matrix of at most `limit` classes, those with most mistakes in their rows and columns; and how many are left out."""
    if len(matrix) <= limit:
        return matrix, 0
    counts = matrix.to_numpy()
    mistakes = pd.Series(counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal(), index=matrix.index)
    chosen = natural(mistakes.sort_values(ascending=False, kind="stable").index[:limit])
    return matrix.loc[chosen, chosen], len(matrix) - limit


def confusion_blocks(matrix: pd.DataFrame) -> list[list[str]]:
    """Classes that are taken for each other, in groups of at most BLOCK, the group with most mistakes first, BLOCKS groups at
    most; one group of all where they are no more than WHOLE.

    Pairs are joined from the commonest mistake on (single linkage), as long as a group stays small enough.
    """
    names = [str(name) for name in matrix.index]
    if len(names) <= WHOLE:
        return [names]
    counts = matrix.to_numpy() + matrix.to_numpy().T
    first, second = np.triu_indices(len(names), 1)
    order = np.argsort(-counts[first, second], kind="stable")
    block = {number: {number} for number in range(len(names))}
    for one, other in zip(first[order], second[order], strict=True):
        joined = block[one] | block[other]
        if counts[one, other] and len(joined) <= BLOCK:
            block |= dict.fromkeys(joined, joined)
    groups = {tuple(sorted(members)) for members in block.values() if len(members) > 1}
    mistakes = {group: int(np.triu(counts[np.ix_(group, group)], 1).sum()) for group in groups}
    worst = sorted(groups, key=lambda group: (-mistakes[group], group))[:BLOCKS]
    return [[names[number] for number in group] for group in worst]


def most_confused(matrix: pd.DataFrame, count: int = 5) -> pd.DataFrame:
    """The commonest mistakes: columns label, predicted, photos, share (of the label's photos), most photos first."""
    pairs = matrix.rename_axis(index="label", columns="predicted").stack().rename("photos").reset_index()
    pairs = pairs[(pairs["label"] != pairs["predicted"]) & (pairs["photos"] > 0)]
    pairs["share"] = pairs["photos"] / matrix.sum(axis=1).reindex(pairs["label"]).to_numpy()
    order = pairs.sort_values(["photos", "share", "label", "predicted"], ascending=[False, False, True, True])
    return order.head(count).reset_index(drop=True)


def worst_mistakes(predictions: pd.DataFrame, count: int) -> pd.DataFrame:
    """The wrong answers given with most confidence, the surest first."""
    wrong = predictions[predictions["label"] != predictions["predicted"]]
    return wrong.sort_values(["confidence", "photo"], ascending=[False, True]).head(count)


def weakest_class(per_class: pd.DataFrame) -> str:
    """The class with the smallest share of right answers (by name among equals)."""
    judged = per_class[per_class["test"] > 0]
    return str(judged.sort_values(["top1", "class"]).iloc[0]["class"])
