"""What is done with an answer: it is used as it is, a person checks it, or it is no answer, since nothing like it was taught."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from boatlib.shares import percent

USE, CHECK, UNKNOWN = "use", "check", "unknown"
ACTIONS = (USE, CHECK, UNKNOWN)
COMMON = ""  # in `lines`: the line of all answers that have none of their own
NEVER = 2.0  # a line that no confidence reaches
Rule = Literal["none", "target", "cost"]


@dataclass(frozen=True)
class Policy:
    """Which answers may stand alone.

    lines: by answer, the confidence from which it is used (NEVER: a person checks all of them); familiar_to: the unfamiliarity
    from which a photo counts as unlike all that was taught (None: none does). rule: what drew the lines: nothing yet, so all
    answers are checked; a target for the errors among the answers that are used, kept with a certainty; or costs. needed:
    validation photos (about) with which a line could be drawn that keeps the target; 0 where one was, or where none would do.
    """

    lines: dict[str, float] = field(default_factory=lambda: {COMMON: NEVER})
    familiar_to: float | None = None
    rule: Rule = "target"
    target_error: float = 0.02
    certainty: float = 0.95
    needed: int = 0

    def line(self, answer: str) -> float:
        """The confidence from which this answer is used."""
        return self.lines.get(answer, self.lines[COMMON])

    @property
    def uses_any(self) -> bool:
        """Whether any answer can be used without a check."""
        return min(self.lines.values()) <= 1

    @property
    def promises(self) -> bool:
        """Whether it keeps the errors among the answers that are used below a target; costs promise nothing."""
        return self.rule == "target" and self.uses_any

    def actions(self, predictions: pd.DataFrame) -> np.ndarray:
        """USE, CHECK or UNKNOWN for each photo: object [photos]. predictions: columns predicted, confidence, unfamiliarity."""
        lines = predictions["predicted"].map(self.line).to_numpy(dtype=np.float64)
        used = np.where(predictions["confidence"].to_numpy() >= lines, USE, CHECK)
        if self.familiar_to is None:
            return used.astype(object)
        return np.where(predictions["unfamiliarity"].to_numpy() >= self.familiar_to, UNKNOWN, used).astype(object)

    def reasons(self, predictions: pd.DataFrame) -> list[str]:
        """Why a person should look at each photo, in words; "" where nobody need."""
        rows = zip(self.actions(predictions), predictions["predicted"], strict=True)
        return [self._reason(action, answer) for action, answer in rows]

    def _reason(self, action: str, answer: str) -> str:
        if action == UNKNOWN:
            return f"unlike anything it was taught; nearest: {answer}"
        if action == USE:
            return ""
        if self.rule == "none":
            return "06_summary has drawn no line yet"
        line = self.line(answer)
        return f"less sure than {percent(line)}" if line <= 1 else f"answers {answer} are always checked"
