"""Test-time augmentation: are several looks at a photo worth their cost?"""

from typing import Any

import numpy as np
import pandas as pd

from boatlib.order import natural
from boatlib.predictions import SMALLEST
from boatlib.results.intervals import CHANCE, mcnemar

PLAIN = "plain"  # the strategy with one view


def accuracy(predictions: pd.DataFrame) -> float:
    """Share of right answers."""
    return float((predictions["predicted"] == predictions["label"]).mean())


def loss(predictions: pd.DataFrame) -> float:
    """Mean negative log-probability of the right class."""
    own = [row[f"p_{row['label']}"] for row in predictions.to_dict("records")]
    return float(-np.log(np.maximum(own, SMALLEST)).mean())


def choose(candidates: dict[str, pd.DataFrame]) -> str:
    """The strategy with most right answers on the validation photos; among equals the lower loss. Test is not asked."""
    return min(candidates, key=lambda name: (-accuracy(candidates[name]), loss(candidates[name]), name))


def summarise(candidates: dict[str, pd.DataFrame], strategies: dict[str, list[str]], choice: str) -> pd.DataFrame:
    """One row a strategy: strategy, views (a photo), right (share), loss, chosen."""
    rows = [
        {
            "strategy": name,
            "views": len(strategies[name]),
            "right": accuracy(table),
            "loss": loss(table),
            "chosen": "chosen" if name == choice else "",
        }
        for name, table in candidates.items()
    ]
    return pd.DataFrame(rows)


def compare(plain: pd.DataFrame, averaged: pd.DataFrame) -> dict[str, Any]:
    """Plain against averaged on the same photos: accuracies, photos fixed and broken, exact McNemar p-value."""
    if plain["photo"].tolist() != averaged["photo"].tolist():
        raise ValueError("the two tables are not about the same photos in the same order")
    before, after = (table["predicted"] == table["label"] for table in (plain, averaged))
    return {
        "photos": len(plain),
        "plain_correct": int(before.sum()),
        "tta_correct": int(after.sum()),
        "plain_accuracy": accuracy(plain),
        "tta_accuracy": accuracy(averaged),
        **mcnemar(before, after),
    }


def to_judge(on_val: dict[str, pd.DataFrame], strategies: dict[str, list[str]], asked: bool) -> dict[str, list[str]]:
    """The strategies that the test photos are needed for: all but the plain one, where somebody asked for more than is usual;
    otherwise the chosen one, if it is better on the validation photos by more than chance explains.
    """
    choice = choose(on_val)
    proven = choice != PLAIN and compare(on_val[PLAIN], on_val[choice])["p_value"] < CHANCE
    return {
        name: views for name, views in strategies.items() if name != PLAIN and (asked or (proven and name == choice))
    }


def judge(
    on_val: dict[str, pd.DataFrame], on_test: dict[str, pd.DataFrame], strategies: dict[str, list[str]]
) -> dict[str, Any]:
    """The record of the comparison: chosen (on validation), shown, views (a photo), validation and test (each strategy against
    plain, of test those that it judged).

    shown is the strategy whose predictions are kept: of those that the test photos judged the best on validation, or plain.
    """
    others = [name for name in strategies if name != PLAIN]
    judged = {name: on_val[name] for name in others if name in on_test}
    return {
        "chosen": choose(on_val),
        "shown": choose(judged) if judged else PLAIN,
        "views": {name: len(views) for name, views in strategies.items()},
        "validation": {name: compare(on_val[PLAIN], on_val[name]) for name in others},
        "test": {name: compare(on_test[PLAIN], on_test[name]) for name in judged},
    }


def changes(shares: pd.DataFrame, shown: str) -> dict[str, int]:
    """Photos that each class gains (or, negative, loses) by a strategy against the plain view. shares: `per_class`."""
    change = ((shares[shown] - shares[PLAIN]) * shares["test"]).round().fillna(0).astype(int)
    return dict(zip(shares["class"].astype(str), change.tolist(), strict=True))


def per_class(on_test: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a class: class, test (photos), and each strategy as share of right answers."""
    table = pd.DataFrame({"test": on_test[PLAIN]["label"].value_counts()})
    for name, predictions in on_test.items():
        right = predictions["predicted"] == predictions["label"]
        table[name] = right.groupby(predictions["label"]).mean()
    return table.loc[natural(table.index)].rename_axis("class").reset_index()
