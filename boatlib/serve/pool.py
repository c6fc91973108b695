"""The processes that hold the model, and the queue before them: when one dies, another takes its place, and its photos are tried
again, so that no accepted photo is lost."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from boatlib.errors import BoatlibError
from boatlib.runtime import cores
from boatlib.serve.model import is_exported, unreadable
from boatlib.serve.worker import FAILED

Row = dict[str, Any]
TRIES = 3  # a photo is given to a worker, at most; after the first time alone, so that it takes no other one down
ONE_BY_ONE, IN_BATCHES = 4, 16  # photos that a worker gets at a time: of an exported model, and of another one
START, ANSWER = 600.0, 60.0  # seconds after which a worker that is silent counts as dead: at its start, and over photos
LOOK = 0.5  # seconds between looks at whether an idle worker is alive
PAUSE = 5.0  # seconds before a worker that could not start is started again
IMPATIENT = 3  # starts that fail one after the other until those who wait are told


class UnavailableError(BoatlibError):
    """No worker can be started, so that there is no answer now."""


class Waiting:
    """A photo that waits for its row."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.tries = 0
        self.row: Future[Row] = Future()

    def answer(self, row: Row) -> None:
        """Give the row to whoever waits for it, if somebody still does."""
        with contextlib.suppress(InvalidStateError):
            self.row.set_result(row)

    def fail(self, error: BoatlibError) -> None:
        """Say why there is no row."""
        with contextlib.suppress(InvalidStateError):
            self.row.set_exception(error)


class Worker:
    """A started process and the line to it; `identity` and `classes` are those of its model.

    Raises BoatlibError where the model cannot be used, EOFError and OSError where the process dies.
    """

    def __init__(self, folder: Path, own: Sequence[int]) -> None:
        ours, theirs = socket.socketpair()
        command = [
            sys.executable,
            "-m",
            "boatlib.serve.worker",
            str(theirs.fileno()),
            str(folder),
            ",".join(map(str, own)),
        ]
        kept = {name: value for name, value in os.environ.items() if name != "BOATLIB_TOKEN"}
        few = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(len(own)))
        with theirs:
            self.process = subprocess.Popen(
                command, env=kept | few, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        self.line = Connection(ours.detach())
        try:
            self.identity, self.classes = self._hear(START)
        except BaseException:
            self.end(0)
            raise

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def ask(self, photos: Sequence[Waiting]) -> None:
        """Answer photos as their rows come. Raises BoatlibError where the model fails, EOFError and OSError where it dies."""
        self.line.send([photo.data for photo in photos])
        waiting = deque(photos)
        while waiting:
            for row in self._hear(ANSWER):
                waiting.popleft().answer(row)

    def end(self, patience: float = 5.0) -> None:
        """Let it end, or end it."""
        self.line.close()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _hear(self, patience: float) -> Any:  # noqa: ANN401
        if not self.line.poll(patience):
            raise EOFError
        kind, said = json.loads(self.line.recv_bytes())
        if kind == FAILED:
            raise BoatlibError(said)
        return said


class Pool:
    """Workers of one model, each kept by a thread.

    say: told in words what happens to workers; on_death: called whenever one is lost, or cannot be started.
    """

    def __init__(self, folder: Path, workers: int, say: Callable[[str], None]) -> None:
        self._folder, self._size, self._say = folder, workers, say
        self.on_death: Callable[[], None] = lambda: None
        self._together = ONE_BY_ONE if is_exported(folder) else IN_BATCHES
        self._queue: deque[Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._workers: dict[int, Worker] = {}
        self._refused = ""
        self._seconds = 0.1  # of a worker for a photo, smoothed
        self.identity, self.classes = "", list[str]()
        self._keepers = [threading.Thread(target=self._keep, args=(n,), daemon=True) for n in range(workers)]

    @property
    def alive(self) -> int:
        """Workers that are ready or at work."""
        return len(self._workers)

    @property
    def waiting(self) -> int:
        """Photos that no worker has yet."""
        return len(self._queue)

    @property
    def pids(self) -> list[int]:
        """Of the workers that are alive."""
        return [worker.process.pid for worker in list(self._workers.values())]

    def seconds_for(self, photos: int) -> float:
        """About how long so many photos take."""
        return photos * self._seconds / self._size

    def start(self) -> None:
        """Return when the first worker is ready; the others follow. Raises BoatlibError where the model cannot be used."""
        try:
            first = Worker(self._folder, self._cores(0))
        except (EOFError, OSError) as error:
            raise BoatlibError(
                "The model could not be loaded; what its process has said of it stands above."
            ) from error
        self.identity, self.classes = first.identity, first.classes
        self._workers[0] = first
        for keeper in self._keepers:
            keeper.start()

    def submit(self, photos: Sequence[bytes]) -> list[Waiting]:
        """Put photos into the queue, which has no limit of its own. Raises UnavailableError."""
        waiting = [Waiting(data) for data in photos]
        with self._changed:
            if self._closed or self._refused:
                raise UnavailableError(self._refused or "The server is about to end.")
            self._queue.extend(waiting)
            self._changed.notify_all()
        return waiting

    def forget(self, photos: Sequence[Waiting]) -> None:
        """Nobody waits for these any more: what no worker has yet, none gets."""
        gone = set(map(id, photos))
        with self._changed:
            self._queue = deque(photo for photo in self._queue if id(photo) not in gone)

    def close(self) -> None:
        """End the workers when the queue is empty."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for keeper in self._keepers:
            keeper.join()

    def _cores(self, number: int) -> list[int]:
        """What this worker computes with: a share of the cores, at least one."""
        every = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(cores()))
        return every[number % len(every) :: self._size] or [every[number % len(every)]]

    def _keep(self, number: int) -> None:
        """What a keeper does: see that its worker lives, and give it photos until the pool is closed and nothing waits."""
        while (batch := self._take(number)) is not None:
            worker = self._workers.get(number)
            if worker is None or not worker.is_alive():
                self._put_back(batch, tried=False)
                self._lost(number, "ended")
                self._restart(number)
                continue
            if not batch:
                continue
            started = time.perf_counter()
            try:
                worker.ask(batch)
                self._seconds += 0.1 * ((time.perf_counter() - started) / len(batch) - self._seconds)
            except BoatlibError as error:
                for photo in batch:
                    photo.fail(error)
            except (EOFError, OSError):
                self._lost(number, "ended, or was silent for too long, over a photo")
                self._put_back(batch, tried=True)
        if worker := self._workers.pop(number, None):
            worker.end()

    def _take(self, number: int) -> list[Waiting] | None:
        """The next photos for a worker: its share of those that wait. None when all is done, [] after LOOK seconds without."""
        with self._changed:
            if not self._queue:
                if self._closed:
                    return None
                self._changed.wait(LOOK)
            if not self._queue or number not in self._workers:
                return []
            if self._queue[0].tries:
                return [self._queue.popleft()]
            share = min(self._together, -(-len(self._queue) // max(1, len(self._workers))))
            batch: list[Waiting] = []
            while self._queue and not self._queue[0].tries and len(batch) < share:
                batch.append(self._queue.popleft())
            return batch

    def _put_back(self, batch: Sequence[Waiting], tried: bool) -> None:
        """Photos of a worker that died, to the front of the queue; the row of those that were tried often enough is an error."""
        left = [photo for photo in batch if not photo.row.done()]
        for photo in left:
            photo.tries += tried
            if photo.tries >= TRIES:
                photo.answer(unreadable("the program that reads it broke off, several times"))
        with self._changed:
            self._queue.extendleft(photo for photo in reversed(left) if photo.tries < TRIES)
            self._changed.notify_all()

    def _lost(self, number: int, why: str) -> None:
        if worker := self._workers.pop(number, None):
            worker.end(0)
            self._say(f"A worker {why}; another takes its place.")
            self.on_death()

    def _restart(self, number: int) -> None:
        """Start a worker, however often that takes; those who wait are told when it seems to lead to nothing."""
        failures = 0
        while True:
            try:
                worker = Worker(self._folder, self._cores(number))
                if self.identity != worker.identity:
                    worker.end(0)
                    raise BoatlibError("The model was changed while it was served. Start the server again.")
                with self._changed:
                    self._workers[number], self._refused = worker, ""
                return
            except (BoatlibError, EOFError, OSError) as error:
                words = str(error) or "it ended at its start"
            failures += 1
            self._say(f"A worker could not be started: {words}")
            self.on_death()
            with self._changed:
                if self._closed and not self._workers or failures >= IMPATIENT and not self._workers:
                    self._refused = f"No worker can be started: {words}"
                    while self._queue:
                        self._queue.popleft().fail(UnavailableError(self._refused))
                if self._closed:
                    return
                self._changed.wait(PAUSE)
