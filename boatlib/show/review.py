"""Work against errors: how much people check, how much is wrong in the rest, and what that costs."""

import numpy as np
import pandas as pd

from boatlib.policy import CHECK, USE, Policy
from boatlib.results import policy as results_policy
from boatlib.results import review
from boatlib.shares import percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, paragraph
from boatlib.show.kit.words import errors


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
            "wrong among the others": [
                errors(*row) for row in rows[["wrong", "kept", "risk_high"]].itertuples(index=False)
            ],
        }
    )
    formats: dict[str, tables.Format] = {"photos checked": tables.number}
    formats |= dict.fromkeys(("answers under", "wrong among the others"), str)
    return tables.table(shown, "Work against errors, on the test photos", formats)


def work_words(risks: pd.DataFrame) -> Html:
    """What checking the least certain tenth by hand saves. risks: `selective_risk` of the test photos."""
    rows = review.work_table(risks)
    none, tenth = (
        errors(row.wrong, row.kept, row.risk_high) for row in rows.iloc[[0, min(2, len(rows) - 1)]].itertuples()
    )
    share = percent(rows["checked"].iloc[min(2, len(rows) - 1)], 0)
    return paragraph(
        f"Without any check, wrong are {none}. If people check the least certain {share} of the photos by hand, wrong among the "
        f"others are {tenth}."
    )


def costs(predictions: pd.DataFrame, policy: Policy, cost_of_error: float, cost_of_check: float) -> Html:
    """What the policy costs on the test photos, beside no checks and nothing but checks."""
    if not cost_of_error:
        return paragraph(
            "What is cheapest depends on what a wrong answer and what a check costs. Tell both to whoever runs this "
            "(review.cost_of_error, review.cost_of_check), and the cheapest line is drawn.",
            "note",
        )
    right = (predictions["predicted"] == predictions["label"]).to_numpy()
    actions = [policy.actions(predictions), np.full(len(right), USE), np.full(len(right), CHECK)]
    own, none, every = (results_policy.cost(taken, right, cost_of_error, cost_of_check) for taken in actions)
    return paragraph(
        f"If a wrong answer costs {cost_of_error:g} and a check {cost_of_check:g}, what this page advises costs {own:,.0f} per "
        f"100 photos (the test photos); checking nothing costs {none:,.0f}, checking everything {every:,.0f}."
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
