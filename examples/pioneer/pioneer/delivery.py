"""The way of reports to Discovery: for each target one waiting report of each kind, of which the newest wins, and
a thread that sends while there is something to send.

Threads rather than tasks, so that a step that blocks its event loop is watched too, and so that reports can come
from anywhere, a program without an event loop included.
"""

import atexit
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from enum import Enum

import httpx

from . import limits

_log = logging.getLogger("pioneer")


class Kind(Enum):
    """What is reported; the value is the end of the URL."""

    PROGRESS = "progress"
    COMPLETION = "complete"


@dataclass(frozen=True, slots=True)
class Target:
    """Where reports go."""

    url: str
    """``/progress`` and ``/complete`` follow it."""
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One report, as it is sent."""

    kind: Kind
    body: bytes
    tries_max: Callable[[], int]
    """Asked before each further try: what a report is worth may change while it waits."""


@dataclass(slots=True)
class _Box:
    """What waits for one target."""

    progress: Report | None = None
    completion: Report | None = None
    dropped: bool = False
    waiters: list["Future[None]"] = field(default_factory=list)

    def put(self, report: Report) -> None:
        match report.kind:
            case Kind.PROGRESS:
                self.progress = report
            case Kind.COMPLETION:
                self.completion = report

    def take(self) -> Report | None:
        """The next report to send: progress goes before the completion."""
        report = self.progress or self.completion
        if report is self.progress:
            self.progress = None
        else:
            self.completion = None
        return report


class Deliveries:
    """All reports that wait or are on their way."""

    def __init__(self) -> None:
        self._reset()

    def put(self, target: Target, report: Report) -> None:
        """Queues a report, in the place of an older one that waits, and returns at once."""
        with self._lock:
            box = self._boxes.get(target)
            if box is not None:
                box.put(report)
                return
            box = _Box()
            box.put(report)
            self._boxes[target] = box
        try:
            threading.Thread(target=self._deliver, args=(target, box), name="pioneer-report", daemon=True).start()
        except RuntimeError:
            self._end(target, box)
            raise

    def sent(self, target: Target) -> "Future[None]":
        """Done once nothing for this target waits or is on its way."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()
        with self._lock:
            box = self._boxes.get(target)
            if box is not None:
                box.waiters.append(done)
                return done
        done.set_result(None)
        return done

    def drop(self, target: Target) -> None:
        """Gives up what is not sent yet."""
        with self._lock:
            box = self._boxes.get(target)
            if box is not None:
                box.progress = box.completion = None
                box.dropped = True

    def wait(self, timeout_seconds: float) -> bool:
        """Waits until everything is sent; says whether it was."""
        with self._lock:
            targets = list(self._boxes)
        return not wait([self.sent(target) for target in targets], timeout_seconds).not_done

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._boxes: dict[Target, _Box] = {}
        self._client: httpx.Client | None = None

    def _deliver(self, target: Target, box: _Box) -> None:
        try:
            while True:
                with self._lock:
                    report = box.take()
                    if report is None:
                        self._boxes.pop(target, None)
                        break
                self._send(target, box, report)
        except Exception:
            _log.exception("reports to %s are lost", target.url)
        finally:
            self._end(target, box)

    def _end(self, target: Target, box: _Box) -> None:
        with self._lock:
            if self._boxes.get(target) is box:
                del self._boxes[target]
            waiters, box.waiters = box.waiters, []
        for waiter in waiters:
            waiter.set_result(None)

    def _send(self, target: Target, box: _Box, report: Report) -> None:
        """Sends one report, again after errors that may pass, unless it is superseded or dropped meanwhile."""
        url = f"{target.url}/{report.kind.value}"
        wait_seconds = limits.REPORT_RETRY_SECONDS_FIRST
        attempt = 1
        while True:
            lost = self._post(url, target.token, report.body)
            if lost is None:
                return
            if attempt >= report.tries_max():
                _log.warning("report to %s given up after %d tries: %s", url, attempt, lost)
                return
            time.sleep(wait_seconds)
            superseded = report.kind is Kind.PROGRESS and box.progress is not None
            if superseded or box.dropped:
                return
            wait_seconds = min(wait_seconds * 2, limits.REPORT_RETRY_SECONDS_MAX)
            attempt += 1

    def _post(self, url: str, token: str | None, body: bytes) -> str | None:
        """Tries once; answers why it may go through next time, or nothing where it need not be sent again."""
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Discovery-Step-Token"] = token
        try:
            with self._http().stream("POST", url, content=body, headers=headers) as response:
                _read_away(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            _log.warning("report to %s refused: %s", url, error)
            return None
        except httpx.HTTPError as error:
            return str(error) or type(error).__name__
        status = response.status_code
        if status in (408, 425, 429) or status >= 500:
            return f"HTTP {status}"
        if not response.is_success:
            _log.warning("report to %s refused: HTTP %d", url, status)
        return None

    def _http(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    timeout=limits.REPORT_TIMEOUT_SECONDS,
                    limits=httpx.Limits(
                        max_connections=limits.REPORT_CONNECTIONS_MAX,
                        keepalive_expiry=limits.REPORT_KEEP_ALIVE_SECONDS,
                    ),
                    # Discovery is a neighbour: a proxy for the outside world does not know it.
                    trust_env=False,
                    verify=ssl.create_default_context(),
                )
            return self._client


def _read_away(response: httpx.Response) -> None:
    """Reads an answer that nobody needs: a connection with an unread one could not be used again."""
    deadline = time.monotonic() + limits.REPORT_TIMEOUT_SECONDS
    size_bytes = 0
    for chunk in response.iter_raw():
        size_bytes += len(chunk)
        if size_bytes > limits.REPORT_ANSWER_BYTES_MAX or time.monotonic() > deadline:
            return


deliveries = Deliveries()
"""The one that reports of this process go through."""


def _flush_at_exit() -> None:
    deliveries.wait(limits.EXIT_FLUSH_SECONDS)


atexit.register(_flush_at_exit)
if hasattr(os, "register_at_fork"):
    # A child has neither the threads nor, safely, the connections and locks of its parent.
    os.register_at_fork(after_in_child=deliveries._reset)
