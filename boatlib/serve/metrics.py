"""What Prometheus is told."""

from collections.abc import Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from boatlib.serve.limits import Limits
from boatlib.serve.pool import Pool

SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counts of one server."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, pool: Pool, limits: Limits) -> None:
        self._registry = own = CollectorRegistry()
        self.requests = Counter("boatlib_requests", "Requests for answers, by status code", ["code"], registry=own)
        self.seconds = Histogram(
            "boatlib_request_seconds", "From the head of a request to its answer", buckets=SECONDS, registry=own
        )
        self._photos = Counter("boatlib_photos", "Photos, by what was done with them", ["outcome"], registry=own)
        self._answers = Counter("boatlib_answers", "Photos that could be read, by answer", ["predicted"], registry=own)
        self._batches = Counter("boatlib_worker_deaths", "Workers that were lost, and starts that failed", registry=own)
        self.held = Gauge("boatlib_photos_held", "Photos that are received, wait or are computed", registry=own)
        Gauge("boatlib_photos_waiting", "Photos that no worker has yet", registry=own).set_function(
            lambda: pool.waiting
        )
        Gauge("boatlib_queue_size", "Photos that may be held", registry=own).set(limits.queue)
        Gauge("boatlib_workers", "Workers that are ready or at work", registry=own).set_function(lambda: pool.alive)
        Gauge("boatlib_model_info", "The model", ["identity"], registry=own).labels(pool.about[0]).set(1)

    def count(self, rows: Sequence[dict[str, Any]]) -> None:
        """Count answers."""
        for row in rows:
            self._photos.labels(_outcome(row)).inc()
            if not row["error"]:
                self._answers.labels(row["predicted"]).inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)


def _outcome(row: dict[str, Any]) -> str:
    if row["error"]:
        return "unreadable"
    return "unfamiliar" if row["unfamiliar"] else "check" if row["needs_review"] else "used"
