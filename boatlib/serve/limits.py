"""How much comes in: bytes and photos of a request, and places for those that wait. What is too much is not read."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from fastapi import HTTPException, Request, status
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HELD = 16  # requests of the largest size whose bytes are in memory at the same time
ARRIVES = 120.0  # seconds within which a request must have arrived
LINGER = 5.0  # seconds in which a client that was refused may notice it, before the connection is closed


@dataclass(frozen=True)
class Limits:
    """bytes: of a request; files: photos of a request; queue: photos that are received or wait, of all requests."""

    bytes: int
    files: int
    queue: int


class Photo(NamedTuple):
    """An uploaded file: its name as a person may read it, and its bytes."""

    name: str
    data: bytes


class Places:
    """Places for photos and their bytes, of all requests together."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.photos = self.bytes = 0

    def free(self, photos: int, size: int = 0) -> bool:
        """Whether so many more photos and bytes have a place."""
        return self.photos + photos <= self.limits.queue and self.bytes + size <= HELD * self.limits.bytes

    @contextlib.contextmanager
    def taken(self, photos: int, size: int = 0) -> Iterator[None]:
        """Places that are taken until the block ends."""
        self.photos, self.bytes = self.photos + photos, self.bytes + size
        try:
            yield
        finally:
            self.photos, self.bytes = self.photos - photos, self.bytes - size


def announced(request: Request, limits: Limits) -> int:
    """Bytes that a request says it has, the most that it may have where it does not say. Raises HTTPException."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise HTTPException(
            status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
            "Photos come as files of a form (multipart/form-data), such as: curl -F photo=@kayak.jpg",
        )
    length = request.headers.get("content-length", "")
    size = int(length) if length.isdecimal() else limits.bytes
    if size > limits.bytes:
        raise _too_large(limits)
    return size


async def receive(request: Request, limits: Limits) -> list[Photo]:
    """The uploaded files of a request, which are held in memory, never on the disk. Raises HTTPException, ClientDisconnect."""
    parser = _Parser(request.headers, _within(request, limits), max_files=limits.files, max_fields=limits.files)
    parser.spool_max_size = limits.bytes + 1
    try:
        async with asyncio.timeout(ARRIVES):
            form = await parser.parse()
    except TimeoutError as error:
        words = f"The request did not arrive within {ARRIVES:.0f} seconds."
        raise HTTPException(status.HTTP_408_REQUEST_TIMEOUT, words) from error
    except (MultiPartException, ValueError) as error:  # a ValueError: of a name or a boundary that is none
        if "Too many files" in str(error):
            raise HTTPException(413, f"More than {limits.files} photos in one request.") from error
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "The form cannot be read.") from error
    async with _closing(form.multi_items()) as files:
        if not parser.whole:
            raise HTTPException(status.HTTP_400_BAD_REQUEST, "The form ends too early.")
        photos = [Photo(readable(file.filename or ""), await file.read()) for file in files]
    if not photos:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "There is no file in the request.")
    return photos


def readable(name: str) -> str:
    """A name as it was given, with whatever cannot be printed written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


class Lingering:
    """Closes the connection of a request that is answered before it has arrived, and not at once: a client that still sends would
    lose the answer. What arrives meanwhile is thrown away.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        arriving = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"

        async def heard() -> Message:
            nonlocal arriving
            message = await receive()
            arriving = arriving and message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def said(message: Message) -> None:
            if not arriving:
                await send(message)
            elif message["type"] == "http.response.start":
                await send({**message, "headers": [*message["headers"], (b"connection", b"close")]})
            elif message.get("more_body", False):
                await send(message)
            else:
                await send({**message, "more_body": True})
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LINGER):
                        while arriving:
                            await heard()
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app(scope, heard, said)


class _Parser(MultiPartParser):
    """Knows whether the form has an end."""

    whole = False

    def on_end(self) -> None:
        self.whole = True


@contextlib.asynccontextmanager
async def _closing(items: list[tuple[str, UploadFile | str]]) -> AsyncIterator[list[UploadFile]]:
    files = [item for _, item in items if isinstance(item, UploadFile)]
    try:
        yield files
    finally:
        for file in files:
            await file.close()


async def _within(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
    """What arrives, until it is too much."""
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limits.bytes:
            raise _too_large(limits)
        yield part


def _too_large(limits: Limits) -> HTTPException:
    return HTTPException(413, f"The request is larger than {limits.bytes / 1e6:g} MB.")
