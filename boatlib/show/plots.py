"""Charts: each answers one question, takes a table, and gives a chart with a sentence that says what it shows."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from boatlib.results import metrics
from boatlib.results.decisions import work_table
from boatlib.results.intervals import wilson
from boatlib.shares import confidence, percent
from boatlib.show import theme
from boatlib.show.html import Html, chart
from boatlib.show.names import shortened

WIDTH = 6.8  # inches, the text width of a page


def _axes(height: float, columns: int = 1) -> tuple[Figure, np.ndarray]:
    figure, axes = plt.subplots(1, columns, figsize=(WIDTH, height), layout="constrained", squeeze=False)
    plt.close(figure)  # shown as a picture in the page, not a second time by the notebook
    return figure, axes[0]


def _bare(axes: Axes, keep: str = "") -> None:
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(side == keep)


def class_counts(classes: pd.DataFrame, minimum: int) -> Html:
    """How many photos each class has, and which classes are left out. classes: the catalog's table of classes."""
    rows = classes.sort_values("photos")
    rows = rows.assign(**{"class": list(shortened(rows["class"].tolist()).values())})
    with theme.applied():
        figure, (axes,) = _axes(0.6 + 0.34 * len(rows))
        colours = [theme.ACCENT if kept else theme.STATUS_COLOURS["skipped"] for kept in rows["kept"]]
        axes.barh(rows["class"], rows["photos"], color=colours, height=0.7)
        for place, (photos, kept) in enumerate(zip(rows["photos"], rows["kept"], strict=True)):
            axes.text(photos, place, f"  {photos}" + ("" if kept else "  left out"), va="center", color=theme.INK)
        axes.axvline(minimum, color=theme.WARM, linewidth=1, linestyle="--")
        axes.text(minimum, len(rows) - 0.35, f" minimum {minimum}", color=theme.WARM, fontsize=9, va="bottom")
        axes.set_xlabel("photos")
        axes.margins(x=0.12)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", colors=theme.INK)
        _bare(axes, "left")
    largest, smallest = rows.iloc[-1], rows.iloc[0]
    alt = (
        f"Bars of photos by class: {largest['class']} has most ({largest['photos']}), "
        f"{smallest['class']} fewest ({smallest['photos']}); {int((~rows['kept']).sum())} class(es) left out."
    )
    return chart(figure, alt)


def photo_sizes(catalog: pd.DataFrame) -> Html:
    """How large the used photos are, and how wide for their height."""
    used = catalog[catalog["status"] == "used"]
    width, height = used["width"].astype(float), used["height"].astype(float)
    with theme.applied():
        figure, (left, right) = _axes(2.9, columns=2)
        left.hist(np.minimum(width, height), bins=30, color=theme.ACCENT)
        left.set(title="Shorter side", xlabel="pixels", ylabel="photos")
        right.hist(width / height, bins=30, color=theme.ACCENT)
        right.axvline(1, color=theme.WARM, linewidth=1, linestyle="--")
        right.set(title="Width : height", xlabel="1 is square; a larger number is wider")
        for axes in (left, right):
            axes.grid(axis="x", visible=False)
            _bare(axes, "bottom")
    wide = float((width > height).mean())
    alt = (
        f"Two histograms: the shorter side has {int(np.minimum(width, height).median())} pixels at the median; "
        f"{percent(wide, 0)} of the photos are wider than high."
    )
    return chart(figure, alt)


def training_curves(history: pd.DataFrame, val_photos: int) -> Html:
    """Loss and share of right answers, epoch by epoch. history: the columns of `training.HISTORY`."""
    best = int(history.loc[history["best"], "epoch"].iloc[0])
    with theme.applied():
        figure, (left, right) = _axes(3.0, columns=2)
        for axes, kind, title in ((left, "loss", "Loss"), (right, "accuracy", "Right answers")):
            for part, colour, words in (
                ("train", theme.SPLIT_COLOURS["train"], "training"),
                ("val", theme.WARM, "validation"),
            ):
                values = history[f"{part}_{kind}"]
                axes.plot(history["epoch"], values, color=colour, linewidth=2)
                axes.annotate(
                    f" {words}", (history["epoch"].iloc[-1], values.iloc[-1]), color=colour, va="center", fontsize=9.5,
                    annotation_clip=False,
                )  # fmt: skip
            if kind == "accuracy":
                ranges = [wilson(round(share * val_photos), val_photos) for share in history["val_accuracy"]]
                axes.fill_between(
                    history["epoch"], *zip(*ranges, strict=True), color=theme.WARM, alpha=0.15, linewidth=0
                )
            axes.axvline(best, color=theme.SOFT, linewidth=1, linestyle="--")
            axes.set(title=title, xlabel="epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            _bare(axes, "bottom")
        right.yaxis.set_major_formatter(PercentFormatter(1))
        left.annotate(f"kept: epoch {best}", (best, left.get_ylim()[1]), color=theme.SOFT, fontsize=9, va="top",
                      xytext=(4, 0), textcoords="offset points")  # fmt: skip
    row, lowest = history[history["best"]].iloc[0], history.loc[history["val_loss"].idxmin()]
    return chart(
        figure,
        f"Curves over {len(history)} epochs: the validation loss is lowest ({lowest['val_loss']:.3f}) in epoch "
        f"{int(lowest['epoch'])}; epoch {best} counts, with a loss of {row['val_loss']:.3f} and "
        f"{percent(row['val_accuracy'])} of the validation photos right.",
    )


def range_test(curve: pd.DataFrame, learning_rate: float) -> Html:
    """The loss while the step size grows, with the chosen one marked. curve: columns learning_rate, loss; not empty."""
    with theme.applied():
        figure, (axes,) = _axes(2.6)
        axes.plot(curve["learning_rate"], curve["loss"], color=theme.ACCENT, linewidth=1, alpha=0.35)
        smooth = curve["loss"].rolling(5, min_periods=1).mean()
        axes.plot(curve["learning_rate"], smooth, color=theme.ACCENT, linewidth=2)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
        axes.set_ylim(0, float(curve["loss"].iloc[:5].mean()) * 1.6)
        axes.axvline(learning_rate, color=theme.WARM, linewidth=1, linestyle="--")
        axes.annotate(f"this run: {learning_rate:g}", (learning_rate, axes.get_ylim()[1]), color=theme.WARM, fontsize=9,
                      va="top", xytext=(4, 0), textcoords="offset points")  # fmt: skip
        axes.set(xlabel="step size (learning rate)", ylabel="loss")
        _bare(axes, "bottom")
    lowest = float(curve.loc[smooth.idxmin(), "learning_rate"])
    return chart(
        figure,
        f"Curve of the loss over the step size: it is lowest at about {lowest:.1g}; this run takes {learning_rate:g}.",
    )


def work_against_errors(risks: pd.DataFrame) -> Html:
    """How much is still wrong when people check the least certain photos. risks: `decisions.selective_risk`."""
    shown = risks[risks["checked"] <= 0.6]
    with theme.applied():
        figure, (axes,) = _axes(3.0)
        axes.fill_between(
            shown["checked"], shown["risk_low"], shown["risk_high"], color=theme.ACCENT, alpha=0.18, linewidth=0
        )
        axes.plot(shown["checked"], shown["risk"], color=theme.ACCENT, linewidth=2.2)
        for row in work_table(risks).to_dict("records"):
            if row["checked"] <= 0.6:
                axes.plot(row["checked"], row["risk"], "o", color=theme.ACCENT, markersize=5)
                axes.annotate(f"{percent(row['risk'])}", (row["checked"], row["risk"]), xytext=(5, 5),
                              textcoords="offset points", color=theme.INK, fontsize=9.5)  # fmt: skip
        axes.set(
            xlim=(-0.01, 0.61),
            ylim=(0, None),
            xlabel="share of the photos that people check, the least certain first",
            ylabel="wrong among the others",
        )
        axes.annotate("band: 95% range", (0.6, float(shown["risk_high"].iloc[-1])), ha="right", va="bottom", fontsize=9,
                      color=theme.SOFT, xytext=(0, 3), textcoords="offset points")  # fmt: skip
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
        _bare(axes, "bottom")
    tenth = work_table(risks).iloc[2]
    return chart(
        figure,
        f"Falling curve: {percent(risks['risk'].iloc[0])} of the answers are wrong without checks, "
        f"{percent(tenth['risk'])} of the others "
        f"when the least certain {percent(tenth['checked'], 0)} are checked.",
    )


def reliability(rows: pd.DataFrame) -> Html:
    """What the model says against what comes true, in groups of confidence. rows: `calibration.reliability`."""
    with theme.applied():
        figure, (axes,) = _axes(3.4)
        axes.plot([0, 1], [0, 1], color=theme.SOFT, linewidth=1, linestyle="--")
        axes.annotate("as often as it says", (0.2, 0.2), color=theme.SOFT, fontsize=9, rotation=23, xytext=(0, -4),
                      textcoords="offset points", rotation_mode="anchor", va="top")  # fmt: skip
        surest = rows["from"].max()  # close to its neighbour: its words stand above it
        for row in rows.to_dict("records"):
            axes.plot([row["said"]] * 2, [row["right_low"], row["right_high"]], color=theme.ACCENT, linewidth=5, alpha=0.3,
                      solid_capstyle="butt")  # fmt: skip
            axes.plot(row["said"], row["right"], "o", color=theme.ACCENT, markersize=8)
            place = {"xytext": (-9, 0), "ha": "right", "va": "center"}
            if row["from"] == surest:
                place |= {"xytext": (4, 9), "va": "bottom"}
            elif row["from"] < 0.5:  # on the left stand the words of the line
                place |= {"xytext": (9, 0), "ha": "left"}
            words = f"{row['photos']} photo{'s' if row['photos'] > 1 else ''}"
            axes.annotate(words, (row["said"], row["right"]), color=theme.INK, fontsize=9, textcoords="offset points",
                          **place)  # fmt: skip
        axes.set(
            xlim=(max(0, min(0.15, rows["said"].min() - 0.05)), 1.02),
            ylim=(0, 1.12),
            xlabel="how sure the model says it is (mean of the group)",
            ylabel="how often it is right; bar: 95% range",
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
        _bare(axes)
    words = "; ".join(
        f"{percent(row['right'], 0)} right where it says {percent(row['said'], 0)}" for row in rows.to_dict("records")
    )
    return chart(figure, f"Confidence against truth: {words}."[:250])


def learning_curves(curve: pd.DataFrame, forecasts: pd.DataFrame, limit: int = 12) -> Html:
    """How each class grows with its photos, and where it would go with twice as many; the weakest `limit` classes.

    curve: `learning_curve.measure`; forecasts: `learning_curve.forecast_table`.
    """
    rows = forecasts.sort_values(["now", "class"]).head(limit).to_dict("records")
    colours = theme.class_colours(forecasts["class"].tolist())
    columns = min(4, len(rows))
    with theme.applied():
        height = -(-len(rows) // columns)
        figure, grid = plt.subplots(
            height, columns, figsize=(WIDTH, 0.5 + 1.75 * height), layout="constrained", squeeze=False, sharey=True
        )
        plt.close(figure)
        figure.get_layout_engine().set(h_pad=0.09)  # type: ignore
        for axes in grid.ravel()[len(rows) :]:
            axes.set_visible(False)
        for axes, row in zip(grid.ravel(), rows, strict=False):
            own, colour = curve[curve["class"] == row["class"]], colours[row["class"]]
            low, high = zip(
                *(wilson(round(r), n) for r, n in zip(own["right"], own["judged"], strict=True)), strict=True
            )
            axes.fill_between(own["taught"], low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(own["taught"], own["right"] / own["judged"], "o-", color=colour, linewidth=1.8, markersize=4)
            twice = 2 * row["train"]
            axes.plot([twice] * 2, [row["doubled_low"], row["doubled_high"]], color=colour, linewidth=5, alpha=0.35,
                      solid_capstyle="butt")  # fmt: skip
            axes.plot(twice, row["doubled"], "o", color="white", markeredgecolor=colour, markersize=6)
            axes.set_title(shortened([row["class"]], 60 // columns)[row["class"]], fontsize=9.5)
            axes.set(ylim=(0, 1.03), xlim=(0, twice * 1.12))
            axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
            axes.yaxis.set_major_formatter(PercentFormatter(1))
            axes.tick_params(labelsize=8.5)
            _bare(axes, "bottom")
        figure.supxlabel("photos of the class that the model learns from; ring: with twice as many", fontsize=9.5,
                         color=theme.SOFT)  # fmt: skip
    first = rows[0]
    return chart(
        figure,
        f"Learning curves by class: the weakest, {first['class']}, is right for {percent(first['now'], 0)} now and "
        "would be for about "
        f"{percent(first['doubled'], 0)} with twice as many photos."[:250],
    )


def confusion_matrix(matrix: pd.DataFrame) -> Html:
    """The confusion matrix as a picture: counts, coloured by the share of each row (0 to 1). Of many classes the worst."""
    import seaborn

    right, total = int(np.trace(matrix.to_numpy())), int(matrix.to_numpy().sum())
    matrix, left_out = metrics.worst_classes(matrix)
    short = shortened([str(name) for name in matrix.columns])
    matrix = matrix.rename(index=short, columns=short)
    shares = matrix.div(matrix.sum(axis=1).replace(0, 1), axis=0)
    size = min(0.8 * len(matrix) + 1.6, 14)
    with theme.applied():
        figure, axes = plt.subplots(figsize=(size + 0.8, size), layout="constrained")
        plt.close(figure)
        colours = seaborn.light_palette(theme.ACCENT, as_cmap=True)
        seaborn.heatmap(shares, annot=matrix, fmt="d", cmap=colours, vmin=0, vmax=1, square=True, linewidths=1.5,
                        cbar=False, ax=axes, annot_kws={"fontsize": 11})  # fmt: skip
        note = f"The {len(matrix)} classes with most mistakes; {left_out} others are not shown." if left_out else ""
        axes.set(xlabel="the model says", ylabel="the photo shows", title=note)
        axes.tick_params(axis="x", rotation=35, colors=theme.INK)
        axes.tick_params(axis="y", rotation=0, colors=theme.INK)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
    return chart(figure, f"Confusion matrix: {right} of {total} photos lie on the diagonal, where the model is right.")


def probability_bars(prediction: pd.Series) -> Html:
    """How probable the model holds each class for one photo. prediction: one row of a table of predictions."""
    values = prediction[prediction.index.str.startswith("p_")].astype(float)
    values.index = values.index.str.removeprefix("p_")
    values = values.sort_values().tail(7)
    short = shortened(values.index.tolist())
    values.index = values.index.map(short)
    with theme.applied():
        figure, (axes,) = _axes(0.5 + 0.32 * len(values))
        colours = [
            theme.ACCENT if name == short.get(prediction["predicted"]) else theme.STATUS_COLOURS["skipped"]
            for name in values.index
        ]
        axes.barh(values.index, values, color=colours, height=0.7)
        for place, value in enumerate(values):
            axes.text(value, place, f"  {confidence(value)}", va="center", color=theme.INK)
        axes.set(xlim=(0, 1.12), xticks=[])
        axes.grid(visible=False)
        axes.tick_params(axis="y", colors=theme.INK)
        _bare(axes)
    return chart(
        figure, f"Probabilities for one photo: {prediction['predicted']} {confidence(prediction['confidence'])}."
    )
