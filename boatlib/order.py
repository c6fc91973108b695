"""The order in which names stand: as people count, so that 10 comes after 2."""

from collections.abc import Iterable

import natsort


def natural(names: Iterable[str]) -> list[str]:
    """Names in natural order: "2", "10", "item 2", "item 10"; upper and lower case side by side."""
    return natsort.natsorted(sorted(names), alg=natsort.ns.IGNORECASE)
