"""What Prometheus is told."""

import time
from collections.abc import Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from boatlib.serve.limits import Places
from boatlib.serve.pool import Pool

SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counts of one server."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, pool: Pool, places: Places) -> None:
        self._registry = own = CollectorRegistry()
        self.requests = Counter("boatlib_requests", "Requests for answers, by status code", ["code"], registry=own)
        self.seconds = Histogram(
            "boatlib_request_seconds", "From the head of a request to its answer", buckets=SECONDS, registry=own
        )
        self._photos = Counter("boatlib_photos", "Photos, by what was done with them", ["outcome"], registry=own)
        self._answers = Counter("boatlib_answers", "Photos that could be read, by answer", ["predicted"], registry=own)
        self.deaths = Counter("boatlib_worker_deaths", "Workers that were lost, and starts that failed", registry=own)
        Gauge("boatlib_photos_waiting", "Photos that no worker has yet", registry=own).set_function(
            lambda: pool.waiting
        )
        Gauge("boatlib_photos_held", "Photos that are received, wait or are computed", registry=own).set_function(
            lambda: places.photos
        )
        Gauge("boatlib_queue_size", "Photos that may be held", registry=own).set(places.limits.queue)
        Gauge("boatlib_workers", "Workers that are ready or at work", registry=own).set_function(lambda: pool.alive)
        Gauge("boatlib_model_info", "The model", ["identity"], registry=own).labels(pool.identity).set(1)

    def count(self, rows: Sequence[dict[str, Any]]) -> None:
        """Count answers."""
        for row in rows:
            self._photos.labels(_outcome(row)).inc()
            if not row["error"]:
                self._answers.labels(row["predicted"]).inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)


class Measured:
    """Counts the requests for answers, and the time that they take."""

    def __init__(self, app: ASGIApp, metrics: Metrics, path: str) -> None:
        self._app, self._metrics, self._path = app, metrics, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        started, code = time.perf_counter(), 500

        async def counted(message: Message) -> None:
            nonlocal code
            code = message.get("status", code)
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            self._metrics.requests.labels(code).inc()
            self._metrics.seconds.observe(time.perf_counter() - started)


def _outcome(row: dict[str, Any]) -> str:
    if row["error"]:
        return "unreadable"
    return "unfamiliar" if row["unfamiliar"] else "check" if row["needs_review"] else "used"
