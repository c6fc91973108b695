"""Would more photos help? What the model gets right with fewer photos says how it would go on with more."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from boatlib.results import cross_validation
from boatlib.results.class_verdicts import DEPENDABLE
from boatlib.results.intervals import wilson

SHARES = (0.125, 0.25, 0.5, 1.0)  # of the photos that teach
REPEATS = (4, 3, 2, 1)  # how often each share is drawn: few photos differ more from each other
ALL = ""  # the row of all classes together
LIKELY = 0.8  # probability of a range: eight of ten forecasts hold
GAIN = 0.02  # of the share of right answers: from which on more photos are worth a recommendation
MOST = 10.0  # times the present photos: farther than that nothing is forecast


def measure(features: np.ndarray, photos: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """What is named rightly after learning from an eighth, a quarter, half and all of the other folds' photos.

    features: `cross_validation.simplified`; photos: columns label, group. Columns class (ALL: all of them together), share,
    taught (photos of the class that taught, the mean), judged (photos), right (of them; the mean over draws).
    """
    labels = photos["label"]
    parts = []
    for share, repeats in zip(SHARES, REPEATS, strict=True):
        draws = [
            cross_validation.probabilities(features, labels, photos["group"], share, seed=seed + number)
            for number in range(repeats)
        ]
        right = np.mean([cross_validation.right_answers(found, labels) for found in draws], axis=0)
        table = pd.DataFrame({"class": labels.to_numpy(), "right": right})
        both = pd.concat([table, table.assign(**{"class": ALL})])
        row = both.groupby("class")["right"].agg(judged="size", right="sum").reset_index()
        parts.append(row.assign(share=share, taught=share * row["judged"] * (1 - 1 / cross_validation.FOLDS)))
    curve = pd.concat(parts).sort_values(["class", "share"])
    return curve[["class", "share", "taught", "judged", "right"]].reset_index(drop=True)


@dataclass(frozen=True)
class Forecast:
    """What is plausible for one class: a grid of curves with their probabilities.

    Above a floor, the odds of an error fall by an inverse power law: odds(n) = odds(now) * (n / now)^-speed. Where errors are
    rare that is the law of C. Cortes et al., Learning curves: asymptotic values and rate of convergence, NIPS 1993; where
    they are common it does not rise above 1.
    now: photos that teach the class today; error, speed, floor, probability: float64 [curves].
    """

    now: float
    error: np.ndarray
    speed: np.ndarray
    floor: np.ndarray
    probability: np.ndarray

    def right_with(self, times: float) -> tuple[float, float, float]:
        """Share of right answers with so many times today's photos: low, median and high end of a range that is LIKELY."""
        error = _error(self.error, self.speed, self.floor, times)
        return self._quantiles(1 - error)

    def more_photos_for(self, right: float) -> tuple[float, float, float]:
        """Further photos to teach until this share is right: low, median and high end of a range that is LIKELY; 0 where it is
        right already, infinite where it needs more than MOST times today's photos.
        """
        wanted = 1 - right
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            times = (_odds(self.error, self.floor) / _odds(wanted, self.floor)) ** (1 / self.speed)
        times = np.where(self.error <= wanted, 1.0, np.where(self.floor >= wanted, np.inf, times))
        low, middle, high = self._quantiles(np.where(times > MOST, np.inf, times))
        return (low - 1) * self.now, (middle - 1) * self.now, (high - 1) * self.now

    def _quantiles(self, values: np.ndarray) -> tuple[float, float, float]:
        order = np.argsort(values)
        reached = np.cumsum(self.probability[order])
        ends = np.array([(1 - LIKELY) / 2, 0.5, (1 + LIKELY) / 2])
        low, middle, high = values[order][np.minimum(np.searchsorted(reached, ends), len(order) - 1)]
        return float(low), float(middle), float(high)


def forecast(curve: pd.DataFrame, now: float) -> Forecast:
    """The curves that fit what was measured of one class, weighted by how well (Bayes, on a grid).

    curve: rows of `measure` of one class; now: photos that teach it today. Every curve is equally probable beforehand: errors
    on a scale of logits, speeds from 0 to 1.5, floors from 0 to nine tenths of today's error. The points share
    their photos, so each counts as a part of them: together as much as all photos once.
    """
    error, speed, floor = (
        values.ravel()
        for values in np.meshgrid(
            1 / (1 + np.exp(-np.linspace(-7, 2.5, 96))), np.linspace(0.02, 1.5, 24), np.linspace(0, 0.9, 10)
        )
    )
    floor = floor * error
    weight = 1 / len(curve)
    logs = np.zeros(len(error))
    for row in curve.to_dict("records"):
        at = np.clip(_error(error, speed, floor, row["taught"] / now), 1e-6, 1 - 1e-6)
        logs += weight * (row["right"] * np.log(1 - at) + (row["judged"] - row["right"]) * np.log(at))
    probability = np.exp(logs - logs.max())
    return Forecast(now, error, speed, floor, probability / probability.sum())


def _odds(error: np.ndarray | float, floor: np.ndarray) -> np.ndarray:
    """Odds of the errors above the floor."""
    return (error - floor) / (1 - error)


def _error(error: np.ndarray, speed: np.ndarray, floor: np.ndarray, times: float) -> np.ndarray:
    """The error of each curve with so many times today's photos."""
    odds = _odds(error, floor) * times**-speed
    return (floor + odds) / (1 + odds)


def worth_collecting(forecasts: pd.DataFrame, verdicts: pd.DataFrame) -> list[str]:
    """Classes that are not dependable yet and would gain at least GAIN by twice as many photos, the weakest first."""
    known = verdicts.set_index("class")["verdict"]
    wanted = forecasts[(forecasts["doubled"] - forecasts["now"] >= GAIN) & forecasts["class"].isin(known.index)]
    wanted = wanted[wanted["class"].map(known) != DEPENDABLE]
    return [str(name) for name in wanted.sort_values("now")["class"]]


def with_ranges(curve: pd.DataFrame) -> pd.DataFrame:
    """`measure` with the share of right answers and its 95% range: share_right, low, high (Wilson)."""
    ranges = [wilson(round(right), judged) for right, judged in zip(curve["right"], curve["judged"], strict=True)]
    low, high = zip(*ranges, strict=True) if ranges else ((), ())
    return curve.assign(share_right=curve["right"] / curve["judged"], low=low, high=high)


def forecast_table(curve: pd.DataFrame, per_class: pd.DataFrame, right: float, refit: bool) -> pd.DataFrame:
    """What more photos would bring, a row a class: class, photos (all it has), train (those that teach), now, doubled (share of
    right answers with as many and with twice as many), wanted (further photos to collect until the share is `right`, of which
    the same part teaches); each of the last three with _low and _high.

    per_class: columns class, train, val, test. refit: the validation photos teach too. All classes grow alike.
    """
    rows = []
    for counts in per_class.to_dict("records"):
        train = counts["train"] + (counts["val"] if refit else 0)
        photos = counts["train"] + counts["val"] + counts["test"]
        found = forecast(curve[curve["class"] == counts["class"]], float(train))
        row: dict[str, object] = {"class": counts["class"], "photos": photos, "train": train}
        wanted = np.array(found.more_photos_for(right)) * photos / train
        for column, values in (("now", found.right_with(1)), ("doubled", found.right_with(2)), ("wanted", wanted)):
            row |= {f"{column}_low": values[0], column: values[1], f"{column}_high": values[2]}
        rows.append(row)
    return pd.DataFrame(rows)
