"""What to do with an answer: check it or trust it; the work against the errors."""

from collections.abc import Mapping

import pandas as pd

from boatlib.results import review
from boatlib.shares import percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph


def advice(threshold: float, work: Mapping[str, int]) -> Html:
    """Which answers a person should look at."""
    total = work["kept"] + work["reviewed"]
    kept = f", and of the {work['kept']} others {work['kept_right']} are right" if work["kept"] else ""
    return paragraph(
        f"An answer given with less than {percent(threshold, 0)} confidence should be looked at by a person. That would be "
        f"{work['reviewed']} of the {total} validation photos{kept}."
    )


def by_answer(rows: pd.DataFrame) -> Html:
    """Work and errors for each answer of the model at one threshold. rows: `review.by_answer`."""
    shares = [
        f"{wrong} of {kept}" if kept else "none kept" for wrong, kept in zip(rows["wrong"], rows["kept"], strict=True)
    ]
    columns = {"the model says": rows["answer"], "photos": rows["given"], "checked by people": rows["checked"]}
    shown = pd.DataFrame(columns | {"wrong among the others": shares})
    return tables.table(shown, "The same by answer")


def work_table(rows: pd.DataFrame) -> Html:
    """What is checked, and what is still wrong. rows: `review.work_table`."""
    shown = pd.DataFrame(
        {
            "people check": [
                f"{percent(share, 0)}, the least certain" if share else "nothing" for share in rows["checked"]
            ],
            "photos checked": rows["kept"].iloc[0] - rows["kept"],
            "answers under": [
                "–" if not share else f"{percent(b)}" for share, b in zip(rows["checked"], rows["below"], strict=True)
            ],
            "still wrong": [f"{wrong} of {kept}" for wrong, kept in zip(rows["wrong"], rows["kept"], strict=True)],
            "share": rows["risk"],
            "95% range": [tables.interval(*ends) for ends in zip(rows["risk_low"], rows["risk_high"], strict=True)],
        }
    )
    formats: dict[str, tables.Format] = {"photos checked": tables.number, "share": percent}
    formats |= dict.fromkeys(("answers under", "still wrong", "95% range"), str)
    return tables.table(shown, "Work against errors, on the test photos", formats)


def work_words(risks: pd.DataFrame) -> Html:
    """What checking the least certain tenth by hand saves. risks: `selective_risk` of the test photos."""
    rows = review.work_table(risks)
    none, tenth = rows.iloc[0], rows.iloc[min(2, len(rows) - 1)]
    return paragraph(
        f"Without any check {percent(none['risk'])} of the answers are wrong. If people check the least certain "
        f"{percent(tenth['checked'], 0)} of the photos by hand, {percent(tenth['risk'])} of the others is still wrong (95% range "
        f"{percent(tenth['risk_low'])} to {percent(tenth['risk_high'])})."
    )


def cheapest(val: pd.DataFrame, test: pd.DataFrame, cost_of_error: float, cost_of_check: float) -> Html:
    """The cheapest threshold, chosen on validation, and its cost on the test photos."""
    if not cost_of_error:
        return paragraph(
            "What is cheapest depends on what a wrong answer and what a check costs. With summary.cost_of_error and "
            "summary.cost_of_check in the params file, this page names the cheapest line.",
            "note",
        )
    found = review.cheapest(val, test, cost_of_error, cost_of_check)
    threshold = found["threshold"]
    rule = (
        "checking nothing is cheapest"
        if threshold <= 0
        else "checking everything is cheapest"
        if threshold > 1
        else f"it is cheapest to check answers given with less than {percent(threshold)} confidence"
    )
    return paragraph(
        f"If a wrong answer costs {cost_of_error:g} and a check {cost_of_check:g}, {rule} (chosen on the validation photos). "
        f"On the test photos that costs {found['cost']:,.0f} per 100 photos; checking nothing costs {found['none']:,.0f}, "
        f"checking everything {found['every']:,.0f}."
    )


def work_chart(risks: pd.DataFrame) -> Html:
    """How much is still wrong when people check the least certain photos. risks: `review.selective_risk`."""
    shown = risks[risks["checked"] <= 0.6]
    with theme.applied():
        figure, (axes,) = charts.axes_of(3.0)
        axes.fill_between(
            shown["checked"], shown["risk_low"], shown["risk_high"], color=theme.ACCENT, alpha=0.18, linewidth=0
        )
        axes.plot(shown["checked"], shown["risk"], color=theme.ACCENT, linewidth=2.2)
        for row in review.work_table(risks).to_dict("records"):
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
            charts.in_percent(axis)
        charts.bare(axes, "bottom")
    tenth = review.work_table(risks).iloc[2]
    return charts.chart(
        figure,
        f"Falling curve: {percent(risks['risk'].iloc[0])} of the answers are wrong without checks, "
        f"{percent(tenth['risk'])} of the others "
        f"when the least certain {percent(tenth['checked'], 0)} are checked.",
    )
