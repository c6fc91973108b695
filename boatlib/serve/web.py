"""The door: what may come in, what goes out, and what is counted."""

import asyncio
import contextlib
import hmac
import math
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from boatlib import __version__
from boatlib.errors import BoatlibError
from boatlib.serve.limits import Limits, Lingering, Photo, Places, announced, receive
from boatlib.serve.metrics import Measured, Metrics
from boatlib.serve.pool import Pool, UnavailableError, Waiting

LOOK = 1.0  # seconds between looks at whether somebody still waits for an answer


class Answer(BaseModel):
    """What a photo shows. A photo that cannot be read has the reason as `error`, and no numbers."""

    photo: str = Field(description="name of the file, as it was given; what cannot be printed is written out")
    predicted: str = Field(description="the most probable class; empty for a photo that cannot be read")
    confidence: float | None = Field(description="its probability, 0 to 1")
    unfamiliarity: float | None = Field(description="how unlike the photo is to all that was taught")
    probabilities: dict[str, float] | None = Field(description="of each class; they sum to 1")
    unfamiliar: bool = Field(description="whether it is unlike anything that was taught")
    needs_review: bool = Field(description="whether a person should look at the photo")
    reason: str = Field(description="why a person should look; empty where nobody need")
    error: str = Field(description="why the photo cannot be read; empty where it can")


class Answers(BaseModel):
    """model: names the weights that answered; photos: a row for each file, in their order."""

    model: str
    photos: list[Answer]


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str


FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "photo": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "one file or several; the fields' names do not matter",
                        }
                    },
                }
            }
        },
    }
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The form cannot be read, or holds no file"},
    401: {"model": Problem, "description": "The token is missing or wrong"},
    408: {"model": Problem, "description": "The request arrived too slowly"},
    413: {"model": Problem, "description": "Too many bytes or photos"},
    415: {"model": Problem, "description": "Not a form"},
    503: {"model": Problem, "description": "Too much waits already: try again after the seconds of Retry-After"},
}


def make_app(pool: Pool, limits: Limits, token: str) -> FastAPI:
    """The application. token: what a request must show; "": whoever asks is answered."""
    places = Places(limits)
    metrics = Metrics(pool, places)
    pool.on_death = metrics.deaths.inc
    bearer = HTTPBearer(auto_error=False, description="the server's token, where it has one")

    def allowed(shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if token and not (shown and hmac.compare_digest(shown.credentials.encode(), token.encode())):
            headers = {"WWW-Authenticate": "Bearer"}
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "The token is missing or wrong.", headers)

    def refuse_what_has_no_place(photos: int, size: int = 0) -> None:
        if not places.free(photos, size):
            seconds = max(1, min(60, math.ceil(pool.seconds_for(places.photos))))
            words = f"{places.photos} photos wait already. Try again in {seconds} s."
            raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, words, {"Retry-After": str(seconds)})

    app = FastAPIOffline(
        title="boatlib",
        version=__version__,
        description=f"What photos show: {', '.join(pool.classes)}.",
        redoc_url=None,
    )

    @app.post("/predict", responses=PROBLEMS, openapi_extra=FORM, dependencies=[Depends(allowed)])
    async def predict(request: Request) -> Answers:
        """What each of the uploaded photos shows: a row for each file."""
        size = announced(request, limits)
        refuse_what_has_no_place(1, size)
        with places.taken(0, size):
            with places.taken(1):
                photos = await receive(request, limits)
            refuse_what_has_no_place(len(photos))
            with places.taken(len(photos)):
                rows = await answered(request, photos)
        metrics.count(rows)
        named = zip(photos, rows, strict=True)
        return Answers(model=pool.identity, photos=[Answer(photo=photo.name, **row) for photo, row in named])

    async def answered(request: Request, photos: Sequence[Photo]) -> list[dict[str, Any]]:
        try:
            waiting = pool.submit([photo.data for photo in photos])
            rows = asyncio.gather(*(asyncio.wrap_future(photo.row) for photo in waiting))
            async with _forgotten_when_left(request, pool, waiting):
                return await rows
        except UnavailableError as error:
            raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error), {"Retry-After": "5"}) from error
        except BoatlibError as error:
            raise HTTPException(status.HTTP_500_INTERNAL_SERVER_ERROR, str(error)) from error

    @app.get("/health")
    async def health() -> dict[str, str]:
        """The server lives."""
        return {"status": "alive"}

    @app.get("/ready", responses={503: {"model": Problem}})
    async def ready() -> dict[str, str]:
        """The server can answer: a worker is ready."""
        if not pool.alive:
            raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "No worker is ready.", {"Retry-After": "5"})
        return {"status": "ready", "model": pool.identity}

    @app.get("/metrics", dependencies=[Depends(allowed)], response_class=Response)
    async def shown() -> Response:
        """Counts and times for Prometheus."""
        return Response(metrics.text(), media_type=metrics.media_type)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: Exception) -> Response:
        return Response(status_code=499)

    app.add_middleware(Measured, metrics=metrics, path="/predict")
    app.add_middleware(Lingering)
    return app


@contextlib.asynccontextmanager
async def _forgotten_when_left(request: Request, pool: Pool, waiting: Sequence[Waiting]) -> AsyncIterator[None]:
    """Photos for which nobody waits any more, since the connection was closed, leave the queue."""

    async def look() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(LOOK)
        pool.forget(waiting)
        for photo in waiting:
            photo.fail(UnavailableError("Nobody waits for the answer."))

    watch = asyncio.create_task(look())
    try:
        yield
    finally:
        watch.cancel()
