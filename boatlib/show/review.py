"""Work against errors: how much people check, how much is wrong in the rest, and what that costs."""

import numpy as np
import pandas as pd

from boatlib.messages import gettext as _
from boatlib.policy import CHECK, USE, Policy
from boatlib.results import policy as results_policy
from boatlib.shares import percent
from boatlib.show.kit import charts, tables, theme
from boatlib.show.kit.html import Html, escape, paragraph

POINTS = 300  # of a curve


def by_answer(rows: pd.DataFrame) -> Html:
    """Work and errors for each answer of the model at one threshold. rows: `review.by_answer`."""
    shares = [
        f"{wrong} of {kept}" if kept else "none kept" for wrong, kept in zip(rows["wrong"], rows["kept"], strict=True)
    ]
    columns = {"the model says": rows["answer"], "photos": rows["given"], "checked by people": rows["checked"]}
    shown = pd.DataFrame(columns | {"wrong among the others": shares})
    return tables.table(shown, "The same by answer")


def costs(predictions: pd.DataFrame, policy: Policy, cost_of_error: float, cost_of_check: float) -> Html:
    """What the policy costs on the test photos, beside no checks and nothing but checks; nothing where no costs are given."""
    if not cost_of_error:
        return Html("")
    right = (predictions["predicted"] == predictions["label"]).to_numpy()
    actions = [policy.actions(predictions), np.full(len(right), USE), np.full(len(right), CHECK)]
    own, none, every = (results_policy.cost(taken, right, cost_of_error, cost_of_check) for taken in actions)
    return paragraph(
        _(
            "If a wrong answer costs {error} and a check {check}, what this page advises costs {own} for {all} "
            "photos like the test photos; "
            "checking nothing costs {none}, checking everything {every}.",
            error=cost_of_error,
            check=cost_of_check,
            own=round(own),
            all=100,
            none=round(none),
            every=round(every),
        )  # fmt: skip
    )


def work_chart(risks: pd.DataFrame) -> Html:
    """How much is still wrong when people check the least certain photos, up to where nothing is. risks:
    `review.selective_risk`."""
    tenth = risks.iloc[min(len(risks) - 1, -(-len(risks) // 10))]
    wrong, kept = int(risks["wrong"].iloc[0]), int(risks["wrong"].iloc[0] - tenth["wrong"])
    share = percent(tenth["checked"], 0)
    title = _(
        "Checking the least certain {share} finds {found} of {wrong} errors", share=share, found=kept, wrong=wrong
    )
    none_left = risks.loc[risks["wrong"] == 0, "checked"]
    end = min(0.6, max(0.2, float(none_left.iloc[0]) * 1.3 if len(none_left) else 0.6))
    alt = _("{title}: from {before} wrong without checks to {after} of the others; {photos} test photos.", title=title,
            before=percent(risks["risk"].iloc[0]), after=percent(tenth["risk"]), photos=len(risks))  # fmt: skip
    wide, narrow = (_work_figure(risks, tenth, end, width) for width in (charts.WIDTH, charts.NARROW))
    return Html(f"<h3>{escape(title)}</h3>") + charts.chart(wide, alt, narrow)


def _work_figure(risks: pd.DataFrame, tenth: pd.Series, end: float, width: float) -> "charts.Figure":
    shown = risks[risks["checked"] <= end]
    shown = shown.iloc[:: max(1, len(shown) // POINTS)]
    with theme.applied():
        figure, (axes,) = charts.axes_of(2.6, width=width)
        axes.fill_between(
            shown["checked"],
            shown["risk_low"],
            shown["risk_high"],
            color=theme.ACCENT,
            alpha=0.18,
            linewidth=0,
            step="post",
        )
        axes.step(shown["checked"], shown["risk"], color=theme.ACCENT, linewidth=2.2, where="post")
        axes.plot(tenth["checked"], tenth["risk"], "o", color=theme.ACCENT, markersize=7)
        axes.annotate(percent(tenth["risk"]), (tenth["checked"], tenth["risk"]), xytext=(6, 6), textcoords="offset points",
                      color=theme.INK, fontsize=10)  # fmt: skip
        axes.set(xlim=(0, end), ylim=(0, None), xlabel=_("share of photos that people check, the least certain first"),
                 ylabel=_("wrong among the others"))  # fmt: skip
        for axis in (axes.xaxis, axes.yaxis):
            charts.in_percent(axis)
        charts.bare(axes, "bottom")
    return figure
