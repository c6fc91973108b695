"""How the model is taught: the plan, class weights, step sizes, curves, what was saved."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from boatlib.model.networks.weights import NONE
from boatlib.params import names_of
from boatlib.results.intervals import with_ranges
from boatlib.results.range_test import lowest, smoothed
from boatlib.shares import percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import listing, photos_in_words

if TYPE_CHECKING:
    from boatlib.model.inference.bundle import Bundle
    from boatlib.model.training.fit import Trained
    from boatlib.params import Training


AS_PROBABLE = 0.02  # the most that two probabilities differ by where rounding may decide


def plan(settings: "Training", photos: int, val_photos: int) -> Html:
    """Which network learns what, and from how much."""
    names = names_of(settings.backbone)
    none = [file == NONE for file in names_of(settings.weights)]
    untrained = (
        " (without pretrained weights)" if all(none) else " (some without pretrained weights)" if any(none) else ""
    )
    count = 1 + settings.views
    looks = f"{count} views of each" if count > 1 else "one view of each"
    if settings.recipe == "head":
        how = f"stay{'s' if len(names) == 1 else ''} frozen{untrained}; a head learns on the features of {looks} of the"
    else:
        stage = "" if settings.unfreeze == "all" else f" from its stage {settings.unfreeze} on"
        verb, its = ("learns", "its head") if len(names) == 1 else ("learn", "the head of each")
        how = f"{verb} too{stage}{untrained}, after {its} has learnt alone; in every epoch another view is seen of each of the"
    stop = (
        f"the training stops when the {'loss' if settings.monitor == 'loss' else 'balanced accuracy'} on them has made no "
        f"progress for {settings.max_epochs_stop} epochs, after {settings.epochs} at the latest."
    )
    if settings.monitor == "last":
        stop = f"they watch over its {settings.epochs} epochs, and adjust its confidence; the last epoch counts."
    again = " Then it is taught once more with those too, for as many epochs." if settings.refit else ""
    if again and settings.recipe == "finetune":
        again = f"{again[:-1]}, and both answer together."
    taught = f"In this run {listing(names)} {how} {photos:,} training photos."
    if settings.cross_fit and settings.recipe == "finetune":
        taught += " It learns three times, each time without a third of them, and the three answer together."
    if settings.frozen:
        taught += f" {listing(settings.frozen)} stay frozen, with a head of their own, and answer together with it."
    return paragraph(f"{taught} {photos_in_words(val_photos)} tune it: {stop}{again}")


def class_weights(kind: str) -> Html:
    """What weighting the classes gains and costs."""
    if kind == "none":
        return paragraph(
            "Every photo counts alike, so common classes have more to say than rare ones. Class weights (sqrt or auto) would "
            "find more photos of the rare classes, and take more photos of the common ones for them."
        )
    how = (
        "as much as every other"
        if kind == "auto"
        else "more than its few photos would give it, halfway to counting alike"
    )
    return paragraph(
        f"A rare class counts {how}: a photo of it weighs more while the model learns. The trade-off: more photos of rare "
        "classes are found, and some photos of common ones taken for them: balanced accuracy rises, plain accuracy may fall."
    )


def result(history: pd.DataFrame, seconds: Sequence[float]) -> Html:
    """Which epoch counts, what it reached, and how long it took."""
    best = history[history["best"]].iloc[0]
    return paragraph(
        f"Epoch {int(best['epoch'])} of {len(history)} counts: validation loss {best['val_loss']:.3f}, "
        f"{percent(best['val_accuracy'])} of the validation photos right (balanced "
        f"{percent(best['val_balanced_accuracy'])}). Its "
        f"weights are kept. The {len(history)} epochs took {sum(seconds):.1f} seconds."
    )


def range_test(curve: pd.DataFrame, learning_rate: float) -> Html:
    """What the range test says of the chosen step size."""
    if curve.empty:
        return paragraph("No range test was made (range_test: 0).")
    least = lowest(curve)
    return paragraph(
        f"The loss is lowest at a step size of about {least:.1g}. A tenth of that, {least / 10:.1g}, is a usual choice; this "
        f"run takes {learning_rate:g}."
    )


def saved(saved: "Bundle", trained: "Trained", temperature: float, answers: pd.DataFrame) -> Html:
    """That what lies in the folder is what was trained, and that the model which was judged gives the same answers again.

    answers: of the model that had not learnt from the validation photos, read from the folder, on these photos.
    """
    megabytes = sum(file.stat().st_size for file in saved.folder.rglob("*") if file.is_file()) / 1e6
    read = (
        "Read back from there, it is the one that was trained, number by number."
        if saved.holds(trained.network, temperature)
        else "Read back from there, it is NOT the one that was trained: train again, and look at the disk."
    )
    judged = "the model that they judged, before it learnt from them too," if trained.before_refit else "it"
    return paragraph(
        f"The model is saved in model/ ({megabytes:.0f} MB, {len(saved.classes)} classes: {listing(saved.classes, 40)}). "
        f"{read} Asked about the validation photos, {judged} {_as_before(answers, trained.validation, saved.classes)}"
    )


def _as_before(answers: pd.DataFrame, before: pd.DataFrame, classes: Sequence[str]) -> str:
    """Whether answers to the same photos are those of before; between two classes that are as probable rounding decides."""
    right = percent(float((answers["predicted"] == answers["label"]).mean()))
    then = before.set_index("photo").loc[answers["photo"], "predicted"].to_numpy()
    other = answers[answers["predicted"].to_numpy() != then]
    if other.empty:
        return f"names {right} rightly, as it did when it was trained."
    shares = np.sort(other[[f"p_{name}" for name in classes]].to_numpy(), axis=1)
    apart = float((shares[:, -1] - shares[:, -2]).max())
    if apart < AS_PROBABLE:
        photos = "one photo" if len(other) == 1 else f"{len(other):,} photos"
        return (
            f"names {right} rightly; its answers are those of the training, but for {photos} with two classes as probable "
            "as each other, between which rounding decides."
        )
    was = percent(float((before["predicted"] == before["label"]).mean()))
    return f"names {right} rightly, NOT the {was} that it had when it was trained."


def class_weights_table(classes: Sequence[str], photos: Sequence[int], weights: Sequence[float]) -> Html:
    """How many photos teach each class, and how much each of them counts."""
    rows = pd.DataFrame({"class": classes, "training photos": photos, "weight of a photo": weights})
    formats: dict[str, tables.Format] = {
        "training photos": tables.number,
        "weight of a photo": lambda value: f"{value:.2f}",
    }
    return tables.table(rows, "How much a photo of each class counts", formats)


def curves(history: pd.DataFrame, val_photos: int) -> Html:
    """Loss and share of right answers, epoch by epoch. history: the columns of `fit.HISTORY`."""
    best = int(history.loc[history["best"], "epoch"].iloc[0])
    with theme.applied():
        figure, (left, right) = charts.axes_of(3.0, columns=2)
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
                band = with_ranges(history, val_photos)
                axes.fill_between(
                    band["epoch"], band["val_low"], band["val_high"], color=theme.WARM, alpha=0.15, linewidth=0
                )
            axes.axvline(best, color=theme.SOFT, linewidth=1, linestyle="--")
            axes.set(title=title, xlabel="epoch")
            charts.in_whole_numbers(axes.xaxis)
            charts.bare(axes, "bottom")
        charts.in_percent(right.yaxis)
        left.annotate(f"kept: epoch {best}", (best, left.get_ylim()[1]), color=theme.SOFT, fontsize=9, va="top",
                      xytext=(4, 0), textcoords="offset points")  # fmt: skip
    row, least = history[history["best"]].iloc[0], history.loc[history["val_loss"].idxmin()]
    return charts.chart(
        figure,
        f"Curves over {len(history)} epochs: the validation loss is lowest ({least['val_loss']:.3f}) in epoch "
        f"{int(least['epoch'])}; epoch {best} counts, with a loss of {row['val_loss']:.3f} and "
        f"{percent(row['val_accuracy'])} of the validation photos right.",
    )


def range_test_chart(curve: pd.DataFrame, learning_rate: float) -> Html:
    """The loss while the step size grows, with the chosen one marked. curve: columns learning_rate, loss; not empty."""
    with theme.applied():
        figure, (axes,) = charts.axes_of(2.6)
        axes.plot(curve["learning_rate"], curve["loss"], color=theme.ACCENT, linewidth=1, alpha=0.35)
        axes.plot(curve["learning_rate"], smoothed(curve), color=theme.ACCENT, linewidth=2)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda rate, _: f"{rate:g}")
        axes.set_ylim(0, float(curve["loss"].iloc[:5].mean()) * 1.6)
        axes.axvline(learning_rate, color=theme.WARM, linewidth=1, linestyle="--")
        axes.annotate(f"this run: {learning_rate:g}", (learning_rate, axes.get_ylim()[1]), color=theme.WARM, fontsize=9,
                      va="top", xytext=(4, 0), textcoords="offset points")  # fmt: skip
        axes.set(xlabel="step size (learning rate)", ylabel="loss")
        charts.bare(axes, "bottom")
    least = lowest(curve)
    return charts.chart(
        figure,
        f"Curve of the loss over the step size: it is lowest at about {least:.1g}; this run takes {learning_rate:g}.",
    )
