"""Sentences with numbers in them, written from the data: no number in a report is typed by hand."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from boatlib.model.backbones import names_of
from boatlib.model.weights import NONE
from boatlib.order import natural
from boatlib.shares import confidence, p_words, percent
from boatlib.show.html import Html, bullets, paragraph

if TYPE_CHECKING:
    from boatlib.model.bundle import Bundle
    from boatlib.model.training import Trained
    from boatlib.params import Training


def plain(text: str) -> Html:
    """A sentence that another module wrote from the data, as a paragraph."""
    return paragraph(text)


def listing(names: Sequence[str], most: int = sys.maxsize) -> str:
    """Names in one phrase: "a, b and c"; of more than `most` the first ones: "a, b and 7 more"."""
    names = list(names)
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def photos_in_words(count: int) -> str:
    """ "1 photo", "2 photos"."""
    return f"{count:,} photo{'' if count == 1 else 's'}"


def _groups(photos: pd.DataFrame) -> str:
    count = photos["group"].nunique()
    return f"{count} group{'' if count == 1 else 's'}"


def found(catalog: pd.DataFrame, classes: pd.DataFrame) -> Html:
    """How many files were found, used and skipped."""
    used = int((catalog["status"] == "used").sum())
    kept = int(classes["kept"].sum())
    return paragraph(
        f"{len(catalog):,} files were found: {used:,} photos of {kept} classes are used, {len(catalog) - used:,} files are "
        "skipped. Nothing is left unexplained: each file is a row of catalog.csv, with the reason where it is skipped."
    )


def folder_notes(notes: Sequence[str]) -> Html:
    """What is unusual about the folder as a whole."""
    return (
        bullets(notes)
        if notes
        else paragraph("The folder is laid out as expected: one folder of photos for each class.")
    )


def deep_pictures(catalog: pd.DataFrame, value_range: tuple[float, float] | None) -> Html:
    """Which used photos have more than 8 bits, what they use of them, and what is made black and white; nothing without any."""
    rows = catalog[(catalog["status"] == "used") & catalog["low"].notna()]
    if value_range is None or rows.empty:
        return Html("")
    black, white = value_range
    outside = rows[(rows["low"] < black - 0.1 * (white - black)) | (rows["high"] > white + 0.1 * (white - black))]
    text = (
        f"{photos_in_words(len(rows))} of more than 8 bits ({listing(sorted(set(rows['mode'])))}): their values go from "
        f"{rows['low'].min():g} to {rows['high'].max():g}. For all of them, and for those that the model will be asked about, "
        f"{black:g} is black and {white:g} is white."
    )
    if len(outside):
        verbs = ("reaches", "loses") if len(outside) == 1 else ("reach", "lose")
        text += (
            f" {photos_in_words(len(outside))} {verbs[0]} far beyond and {verbs[1]} what lies there (columns low and high of "
            "catalog.csv)."
        )
    return paragraph(text)


def dropped_classes(classes: pd.DataFrame, minimum: int | None = None) -> Html:
    """Classes that are left out; every report names them, since the model cannot say them."""
    rows = classes[~classes["kept"]]
    if rows.empty:
        return paragraph("No class is left out.")
    names = listing([f"{row['class']} ({photos_in_words(row['photos'])})" for row in rows.to_dict("records")])
    why = f" fewer than the minimum of {minimum}" if minimum else " too few"
    return paragraph(
        f"Left out: {names},{why}. The model does not know {'this class' if len(rows) == 1 else 'these classes'}: "
        "a photo of one of them is given some other name.",
        "note",
    )


def twins(duplicates: pd.DataFrame) -> Html:
    """How many photos stand there twice, and what was done about it."""
    exact, near = (duplicates[duplicates["kind"] == kind] for kind in ("exact", "near"))
    conflicts = exact[exact["conflict"]]
    groups = f"{_groups(exact)} of equal files and {_groups(near)} of near-duplicates"
    copies = len(exact) - len(conflicts) - exact[~exact["conflict"]]["group"].nunique()
    items = [f"{groups} were found. Near-duplicates are all kept; those of one class always stand in the same split."]
    if copies:
        items.append(f"Of equal files with one label the first is kept; {photos_in_words(copies)} left out.")
    if len(conflicts):
        items.append(
            f"{photos_in_words(conflicts['group'].nunique())} "
            f"carr{'ies' if conflicts['group'].nunique() == 1 else 'y'} two labels "
            f"({listing(natural(set(conflicts['label'])))}). Nobody can say here which one is right, so both copies are left out."
        )
    near_conflicts = near[near["conflict"]]["group"].nunique()
    if near_conflicts:
        items.append(
            f"{_groups(near[near['conflict']])} of near-duplicates hold{'s' if near_conflicts == 1 else ''} photos of different "
            "classes. These are shown and not kept together: the same scene may show two things. Look at them closely."
        )
    return bullets(items)


def split_sizes(counts: pd.DataFrame) -> Html:
    """How many photos teach, tune and judge."""
    sums, total = counts.sum(), counts.to_numpy().sum()
    smallest = counts.sum(axis=1).idxmin()
    return paragraph(
        f"{sums['train']:,} photos teach the model ({percent(sums['train'] / total, 0)}), {sums['val']:,} tune it "
        f"({percent(sums['val'] / total, 0)}) and {sums['test']:,} judge it ({percent(sums['test'] / total, 0)}). "
        f"The smallest class, {smallest}, has {photos_in_words(int(counts.loc[smallest, 'test']))} to be judged by."
    )


def training_plan(settings: "Training", photos: int, val_photos: int) -> Html:
    """Which network learns what, and from how much."""
    names = names_of(settings.backbone)
    none = [file == NONE for file in names_of(settings.weights)]
    untrained = (
        " (without pretrained weights)" if all(none) else " (some without pretrained weights)" if any(none) else ""
    )
    count = 1 + settings.views
    looks = f"{count} views of each" if count > 1 else "one view of each"
    if settings.mode == "head":
        how = f"stay{'s' if len(names) == 1 else ''} frozen{untrained}; a head learns on the features of {looks} of the"
    else:
        stage = "" if settings.unfreeze == "all" else f" from its stage {settings.unfreeze} on"
        how = f"learns too{stage}{untrained}, after its head has learnt alone; in every epoch it sees another view of each of the"
    stop = (
        f"the training stops when the {'loss' if settings.stop_on == 'loss' else 'balanced accuracy'} on them has made no "
        f"progress for {settings.max_epochs_stop} epochs, after {settings.epochs} at the latest."
    )
    if settings.stop_on == "last":
        stop = f"they watch over its {settings.epochs} epochs, and adjust its confidence; the last epoch counts."
    again = " Then it is taught once more with those too, for as many epochs." if settings.refit else ""
    return paragraph(
        f"In this run {listing(names)} {how} {photos:,} training photos. {photos_in_words(val_photos)} tune it: {stop}{again}"
    )


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


def training_result(history: pd.DataFrame, seconds: Sequence[float]) -> Html:
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
    smooth = curve["loss"].rolling(5, min_periods=1).mean()
    lowest = float(curve.loc[smooth.idxmin(), "learning_rate"])
    return paragraph(
        f"The loss is lowest at a step size of about {lowest:.1g}. A tenth of that, {lowest / 10:.1g}, is a usual choice; this "
        f"run takes {learning_rate:g}."
    )


def temperature(record: Mapping[str, Any]) -> Html:
    """What the fitted temperature says. record: `calibration.describe`."""
    value = record["temperature"]
    judged = "too sure of itself" if value > 1.05 else "too modest" if value < 0.95 else "about right"
    text = (
        f"Before, the model was {judged}: the temperature that fits the {record['photos']} validation photos best is "
        f"{value:.2f}. It changes their loss from {record['loss_before']:.3f} to {record['loss_after']:.3f}."
    )
    if not record.get("mistakes", 1):
        text += (
            f" None of these photos was named wrongly, which does not prove that none ever is: {record['photos']} photos support "
            f"a confidence of about {percent(1 - 1 / (record['photos'] + 1), 0)} and no more."
        )
    if record.get("at_end"):
        text += " This is the end of the temperatures that were tried: take the model's confidence with care."
    return paragraph(text)


def review(threshold: float, work: Mapping[str, int]) -> Html:
    """Which answers a person should look at."""
    total = work["kept"] + work["reviewed"]
    kept = f", and of the {work['kept']} others {work['kept_right']} are right" if work["kept"] else ""
    return paragraph(
        f"An answer given with less than {percent(threshold, 0)} confidence should be looked at by a person. That would be "
        f"{work['reviewed']} of the {total} validation photos{kept}."
    )


def model_saved(saved: "Bundle", trained: "Trained", temperature: float, answers: pd.DataFrame) -> Html:
    """That what lies in the folder is what was trained, and that the model which was judged gives the same answers again.

    answers: of the model that had not learnt from the validation photos, read from the folder, on these photos.
    """
    again = float((answers["predicted"] == answers["label"]).mean())
    expected = float(trained.history.loc[trained.history["best"], "val_accuracy"].iloc[0])
    megabytes = sum(file.stat().st_size for file in saved.folder.rglob("*") if file.is_file()) / 1e6
    read = (
        "Read back from there, it is the one that was trained, number by number."
        if saved.holds(trained.bodies, trained.head, temperature)
        else "Read back from there, it is NOT the one that was trained: train again, and look at the disk."
    )
    judged = "the model that they judged, before it learnt from them too," if trained.before_refit else "it"
    same = (
        "as it did when it was trained."
        if abs(again - expected) < 1e-6
        else f"NOT the {percent(expected)} that it had when it was trained."
    )
    return paragraph(
        f"The model is saved in model/ ({megabytes:.0f} MB, {len(saved.classes)} classes: {listing(saved.classes, 40)}). "
        f"{read} Asked about the validation photos, {judged} names {percent(again)} rightly, {same}"
    )


def accuracy(metrics: Mapping[str, Any]) -> Html:
    """The overall figures with their range."""
    return paragraph(
        f"The model names the right class for {metrics['correct']} of {metrics['photos']} test photos: "
        f"{percent(metrics['accuracy'])} (95% range {percent(metrics['accuracy_low'])} to {percent(metrics['accuracy_high'])}). "
        f"Counting every class alike, rare or common, it is {percent(metrics['balanced_accuracy'])} (balanced accuracy). "
        f"Always saying the commonest class would be right for {percent(metrics['largest_class'])}."
    )


def confusions(pairs: pd.DataFrame) -> Html:
    """The commonest mistakes in words."""
    if pairs.empty:
        return paragraph("No test photo was named wrongly.")
    first = pairs.iloc[0]
    return paragraph(
        f"The commonest mistake: {photos_in_words(int(first['photos']))} of {first['label']} "
        f"({percent(first['share'], 0)} of that class) {'is' if first['photos'] == 1 else 'are'} taken for {first['predicted']}."
    )


def weakest_class(per_class: pd.DataFrame) -> str:
    """The class with the smallest share of right answers (by name among equals)."""
    judged = per_class[per_class["test"] > 0]
    return str(judged.sort_values(["top1", "class"]).iloc[0]["class"])


def sure(share: float) -> str:
    """How sure the model is, in few characters; never 100%."""
    return "over 99% sure" if share > 0.995 else f"{confidence(share, 0)} sure"


def one_prediction(prediction: pd.Series) -> Html:
    """What the model says of one photo, and, where the label is known, whether that is right."""
    if "label" not in prediction:
        verdict = ""
    elif prediction["label"] == prediction["predicted"]:
        verdict = ", rightly"
    else:
        verdict = f", wrongly (it shows: {prediction['label']})"
    return paragraph(f"The model says {prediction['predicted']}, {confidence(prediction['confidence'])} sure{verdict}.")


def tta_verdict(record: Mapping[str, Any]) -> Html:
    """Whether several looks are worth it, from the paired test."""
    return paragraph(tta_words(record), "verdict")


def tta_words(record: Mapping[str, Any]) -> str:
    """The verdict as plain text. record: `tta.json`."""
    if record["chosen"] == "plain":
        return (
            "Several looks at a photo are not worth their cost here: on the validation photos no way of looking more than "
            "once named more photos rightly than a single plain look."
        )
    test = record["test"][record["chosen"]]
    fixed, broken, p_value = test["fixed"], test["broken"], test["p_value"]
    change = f"{photos_in_words(fixed)} put right and {broken} made wrong"
    looks = record["looks"][record["chosen"]]
    if p_value < 0.05:
        better = "worth it" if fixed > broken else "harmful"
        return (
            f"Several looks are {better}: {change} of {test['photos']} test photos, more than chance explains "
            f"({p_words(p_value)}), for {looks} times the work."
        )
    return (
        f"Several looks make no difference that can be proven: {change} of {test['photos']} test photos, which chance "
        f"explains as well ({p_words(p_value)}), for {looks} times the work."
    )
