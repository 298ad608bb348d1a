"""What steps report to Discovery while they run."""

import json
import logging
import math
import os
from collections.abc import Coroutine, Generator, Mapping
from typing import Any
from urllib.parse import quote

from . import limits
from .call import find_call
from .delivery import Kind, Report, Target, deliveries

_log = logging.getLogger("pioneer")

DISCOVERY_URL_DEFAULT = "http://localhost:8080"


class Queued(Coroutine[Any, Any, None]):
    """A report that is queued already.

    Awaiting it lets other tasks have a turn; leaving it alone is as good. It passes for a coroutine where one is
    asked for (``asyncio.create_task``, ``asyncio.run``).
    """

    __slots__ = ("_has_yielded",)

    def __init__(self) -> None:
        self._has_yielded = False

    def __await__(self) -> Generator[Any, Any, None]:
        """Gives way once."""
        yield

    def send(self, value: Any, /) -> Any:
        """Gives way once, then ends."""
        if self._has_yielded:
            raise StopIteration
        self._has_yielded = True

    def throw(self, typ: Any, val: Any = None, tb: Any = None, /) -> Any:
        """Ends with the exception."""
        error = typ if isinstance(typ, BaseException) else val if isinstance(val, BaseException) else typ()
        raise error.with_traceback(tb)

    def close(self) -> None:
        """Has nothing to close."""


def report_progress(execution_id: object, step: str, progress: Mapping[str, Any]) -> Queued:
    """Reports how far a step is: ``{"percentage": 50, "message": …, "current_task": …,
    "estimated_remaining_seconds": …, "custom_data": …}``.

    Returns at once, from async and from plain code, and never raises. While one report is on its way, a later one
    replaces the one that waits.
    """
    _report(Kind.PROGRESS, execution_id, step, progress)
    return Queued()


def report_completion(execution_id: object, step: str, completion: Mapping[str, Any] | None = None) -> Queued:
    """Reports that a step has ended: ``{"success": True, "message": …, "data": …, "context": …, "next": …}``.

    It is the outcome of a step that returned :class:`~pioneer.Accepted`; of any other it is an announcement for
    those who watch. Returns at once, from async and from plain code, and never raises.
    """
    _report(Kind.COMPLETION, execution_id, step, completion or {})
    return Queued()


def _report(kind: Kind, execution_id: object, step: str, fields: Mapping[str, Any]) -> None:
    try:
        step = str(step)
        execution = None if execution_id is None else str(execution_id)
        call = find_call(execution, step)
        if call is not None and not (call.is_open or call.is_accepted):
            _log.debug("report of step '%s' dropped: it has answered", step)
            return
        target = call.target if call is not None else None
        if target is None:
            if execution is None and call is not None:
                execution = call.execution_id
            if execution is None:
                _log.warning("report of step '%s' dropped: it names no execution", step)
                return
            target = _target(execution, step)
            if call is not None:
                call.target = target
        if kind is Kind.PROGRESS:
            fields = _within_bounds(dict(fields))
            tries_max = _progress_tries_max
        else:
            tries_max = call.completion_tries_max if call is not None else _outcome_tries_max
        body = json.dumps(_plain(fields), allow_nan=False).encode()
        deliveries.put(target, Report(kind, body, tries_max))
    except Exception:
        # Reporting is not worth a step.
        _log.exception("report of step '%s' dropped", step)


def _target(execution_id: str, step: str) -> Target:
    base = (os.environ.get("DISCOVERY_URL") or DISCOVERY_URL_DEFAULT).rstrip("/")
    return Target(f"{base}/executions/{quote(execution_id, safe='')}/steps/{quote(step, safe='')}")


def _progress_tries_max() -> int:
    return limits.REPORT_TRIES_MAX


def _outcome_tries_max() -> int:
    return limits.OUTCOME_TRIES_MAX


def _within_bounds(progress: dict[str, Any]) -> dict[str, Any]:
    """Brings the numbers into the bounds that Discovery takes: a slip of arithmetic must not lose the report."""
    if "percentage" in progress:
        progress["percentage"] = _percentage(progress["percentage"])
    if "estimated_remaining_seconds" in progress:
        seconds = progress["estimated_remaining_seconds"]
        if not (_is_number(seconds) and 0 <= seconds < math.inf):
            del progress["estimated_remaining_seconds"]
    return progress


def _percentage(value: Any) -> Any:
    if not _is_number(value):
        try:
            value = float(value)
        except (TypeError, ValueError):
            return 0
    return 0 if math.isnan(value) else min(max(value, 0), 100)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """A copy that is JSON: what JSON does not know becomes text, a number that is none null."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _:
            return str(value)
