"""Sentences with numbers in them, written from the data: no number in a report is typed by hand."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from boatlib.show.html import Html, bullets, escape, paragraph

if TYPE_CHECKING:
    from boatlib.model.bundle import Bundle

EVIDENCE = 0.75  # the lower end of a class's 95 % range from which its result counts as shown


def plain(text: str) -> Html:
    """A sentence that another module wrote from the data, as a paragraph."""
    return paragraph(text)


def listing(names: Sequence[str]) -> str:
    """Names in one phrase: "a, b and c"."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def _photos(count: int) -> str:
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


def dropped_classes(classes: pd.DataFrame, minimum: int | None = None) -> Html:
    """Classes that are left out; every report names them, since the model cannot say them."""
    rows = classes[~classes["kept"]]
    if rows.empty:
        return paragraph("No class is left out.")
    names = listing([f"{row['class']} ({_photos(row['photos'])})" for row in rows.to_dict("records")])
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
    items = [f"{groups} were found. Near-duplicates are all kept, and always stand in the same split."]
    if copies:
        items.append(f"Of equal files with one label the first is kept; {_photos(copies)} left out.")
    if len(conflicts):
        items.append(
            f"{_photos(conflicts['group'].nunique())} carr{'ies' if conflicts['group'].nunique() == 1 else 'y'} two labels "
            f"({listing(sorted(set(conflicts['label'])))}). Nobody can say here which one is right, so both copies are left out."
        )
    near_conflicts = near[near["conflict"]]["group"].nunique()
    if near_conflicts:
        items.append(
            f"{_groups(near[near['conflict']])} of near-duplicates with different labels: look at them closely."
        )
    return bullets(items)


def split_sizes(counts: pd.DataFrame) -> Html:
    """How many photos teach, tune and judge."""
    sums, total = counts.sum(), counts.to_numpy().sum()
    smallest = counts.sum(axis=1).idxmin()
    return paragraph(
        f"{sums['train']:,} photos teach the model ({sums['train'] / total:.0%}), {sums['val']:,} tune it "
        f"({sums['val'] / total:.0%}) and {sums['test']:,} judge it ({sums['test'] / total:.0%}). "
        f"The smallest class, {smallest}, has {_photos(int(counts.loc[smallest, 'test']))} to be judged by."
    )


def backbone(name: str, photos: int, views: int, features: int) -> Html:
    """What was computed with the frozen backbone."""
    return paragraph(
        f"The frozen network {name} looked at {views} views of each of {photos:,} training photos, once: "
        f"{photos * views:,} rows of {features:,} numbers. From here on only these numbers are used."
    )


def training_result(history: pd.DataFrame, seconds: Sequence[float]) -> Html:
    """When the head was best, and how long it took."""
    best = history[history["best"]].iloc[0]
    return paragraph(
        f"The head was best in epoch {int(best['epoch'])} of {len(history)}: validation loss {best['val_loss']:.3f}, "
        f"{best['val_accuracy']:.1%} of the validation photos right. These weights are kept. "
        f"The {len(history)} epochs took {sum(seconds):.1f} seconds."
    )


def model_saved(saved: "Bundle", answers: pd.DataFrame, history: pd.DataFrame) -> Html:
    """That the saved model was loaded again and gives the same answers. answers: on the validation photos."""
    again = float((answers["predicted"] == answers["label"]).mean())
    expected = float(history.loc[history["best"], "val_accuracy"].iloc[0])
    same = abs(again - expected) < 1e-6
    megabytes = sum(file.stat().st_size for file in saved.folder.iterdir()) / 1e6
    return paragraph(
        f"The model is saved in model/ ({megabytes:.0f} MB, {len(saved.classes)} classes: {listing(saved.classes)}). "
        f"Loaded again from there, it names {again:.1%} of the validation photos rightly, "
        + ("as it did when it was trained." if same else f"NOT the {expected:.1%} that it had when it was trained.")
    )


def accuracy(metrics: Mapping[str, Any]) -> Html:
    """The overall figures with their range."""
    return paragraph(
        f"The model names the right class for {metrics['correct']} of {metrics['photos']} test photos: "
        f"{metrics['accuracy']:.1%} (95 % range {metrics['accuracy_low']:.1%} to {metrics['accuracy_high']:.1%}). "
        f"Counting every class alike, rare or common, it is {metrics['balanced_accuracy']:.1%} (balanced accuracy). "
        f"Always saying the commonest class would be right for {metrics['largest_class']:.1%}."
    )


def confusions(pairs: pd.DataFrame) -> Html:
    """The commonest mistakes in words."""
    if pairs.empty:
        return paragraph("No test photo was named wrongly.")
    first = pairs.iloc[0]
    return paragraph(
        f"The commonest mistake: {_photos(int(first['photos']))} of {first['label']} "
        f"({first['share']:.0%} of that class) {'is' if first['photos'] == 1 else 'are'} taken for {first['predicted']}."
    )


def weakest_class(per_class: pd.DataFrame) -> str:
    """The class with the smallest share of right answers (by name among equals)."""
    judged = per_class[per_class["test"] > 0]
    return str(judged.sort_values(["top1", "class"]).iloc[0]["class"])


def one_prediction(prediction: pd.Series) -> Html:
    """What the model says of one photo."""
    verdict = (
        "rightly" if prediction["label"] == prediction["predicted"] else f"wrongly (it shows: {prediction['label']})"
    )
    return paragraph(f"The model says {prediction['predicted']}, {prediction['confidence']:.1%} sure, {verdict}.")


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
    change = f"{_photos(fixed)} put right and {broken} made wrong"
    looks = record["looks"][record["chosen"]]
    if p_value < 0.05:
        better = "worth it" if fixed > broken else "harmful"
        return (
            f"Several looks are {better}: {change} of {test['photos']} test photos, more than chance explains "
            f"(p = {p_value:.3f}), for {looks} times the work."
        )
    return (
        f"Several looks make no difference that can be proven: {change} of {test['photos']} test photos, which chance "
        f"explains as well (p = {p_value:.2f}), for {looks} times the work."
    )


def verdict(metrics: Mapping[str, Any], per_class: pd.DataFrame, dependable: float) -> Html:
    """The first paragraph of the summary, for a reader with two minutes."""
    return paragraph(verdict_words(metrics, per_class, dependable), "verdict")


def verdict_words(metrics: Mapping[str, Any], per_class: pd.DataFrame, dependable: float) -> str:
    """The verdict as plain text: overall with range; classes to depend on, not to depend on, and judged by too few photos.

    A class is dependable when its share of right answers reaches `dependable` and its 95 % range stays above EVIDENCE.
    """
    rows = per_class[per_class["test"] > 0].sort_values(["top1", "test"], ascending=False)
    reached = rows["top1"] >= dependable
    proven = rows["top1_low"] >= EVIDENCE
    text = (
        f"The model names the right class for {metrics['accuracy'] * 100:.0f} of 100 photos "
        f"(between {metrics['accuracy_low'] * 100:.0f} and {metrics['accuracy_high'] * 100:.0f})."
    )
    parts = [
        ("dependable for", rows[reached & proven]),
        ("not yet dependable for", rows[~reached].sort_values("top1")),
        ("promising, but judged by too few photos, for", rows[reached & ~proven]),
    ]
    said = [f"{words} {listing(_counted(classes))}" for words, classes in parts if len(classes)]
    return f"{text} It is {'; '.join(said)}."


def dependable_means(dependable: float) -> Html:
    """What the verdict's words stand for."""
    return paragraph(
        f"Dependable means: at least {dependable:.0%} of the class's test photos are named rightly, and there are enough of them "
        f"that its 95 % range begins at {EVIDENCE:.0%} or higher.",
        "note",
    )


def _counted(classes: pd.DataFrame) -> list[str]:
    return [f"{row['class']} ({row['correct']} of {row['test']})" for row in classes.to_dict("records")]


def tiles(metrics: Mapping[str, Any], per_class: pd.DataFrame, classes: pd.DataFrame) -> Html:
    """Four figures side by side."""
    weakest = per_class[per_class["class"] == weakest_class(per_class)].iloc[0]
    items = [
        (f"{metrics['accuracy']:.1%}", f"right of {metrics['photos']} test photos"),
        (f"{metrics['balanced_accuracy']:.1%}", "right when every class counts alike"),
        (f"{weakest['top1']:.0%}", f"right for the weakest class, {weakest['class']}"),
        (f"{int(classes['used'].sum()):,}", f"photos used, of {int(classes['kept'].sum())} classes"),
    ]
    cells = "".join(
        f"<div><strong>{escape(figure)}</strong><span>{escape(words)}</span></div>" for figure, words in items
    )
    return Html(f'<div class="tiles">{cells}</div>', "\n".join(f"{figure} {words}" for figure, words in items))
