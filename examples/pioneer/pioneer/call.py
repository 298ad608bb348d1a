"""One call of a step, and how a report finds the call that it belongs to."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from . import limits
from .delivery import Target

_current: ContextVar["Call | None"] = ContextVar("pioneer_call", default=None)
_lock = threading.Lock()
_calls: dict[tuple[str, str], "Call"] = {}
_accepted: dict["Call", None] = {}


@dataclass(eq=False, slots=True)
class Call:
    """What Discovery said about one call."""

    execution_id: str | None
    names: frozenset[str]
    """What a report may call the step: its handler, or its name in the workflow."""
    target: Target | None
    """Where the reports go; where Discovery did not say it, the first report sets it."""
    is_open: bool = True
    """Until the step has answered."""
    is_accepted: bool = False
    """The step answered 202, and runs on elsewhere."""

    @classmethod
    def of(cls, handler: str, headers: Mapping[str, str], context: Mapping[str, Any]) -> "Call":
        """Reads what a call carries."""
        names = {handler}
        target = None
        if url := headers.get("Discovery-Callback-Url", "").rstrip("/"):
            target = Target(url, headers.get("Discovery-Step-Token"))
            names.add(unquote(url.rpartition("/")[2]))
        execution_id = headers.get("Discovery-Execution-Id") or context.get("execution_id")
        return cls(str(execution_id) if execution_id else None, frozenset(names), target)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Makes this the call that reports belong to, as long as its step runs."""
        before = _current.set(self)
        with _lock:
            _calls.update((key, self) for key in self._keys())
        try:
            yield
        finally:
            _current.reset(before)
            self._close()

    def completion_tries_max(self) -> int:
        """How often a completion is sent: if the step was not accepted, its own answer tells the outcome."""
        return limits.OUTCOME_TRIES_MAX if self.is_accepted else limits.REPORT_TRIES_MAX

    def matches(self, execution_id: str | None, step: str) -> bool:
        """Says whether a report of this step is one of this call."""
        return step in self.names and execution_id in (None, self.execution_id)

    def _keys(self) -> list[tuple[str, str]]:
        return [(self.execution_id, name) for name in self.names] if self.execution_id else []

    def _close(self) -> None:
        with _lock:
            self.is_open = False
            if not self.is_accepted:
                self._forget()
                return
            _accepted[self] = None
            if len(_accepted) > limits.ACCEPTED_CALLS_MAX:
                oldest = next(iter(_accepted))
                del _accepted[oldest]
                oldest._forget()

    def _forget(self) -> None:
        for key in self._keys():
            if _calls.get(key) is self:
                del _calls[key]


def find_call(execution_id: str | None, step: str) -> Call | None:
    """Finds the call that a report belongs to: the one around it or else, for threads that a step started, any of
    this execution and step in this process.
    """
    current = _current.get()
    if current is not None and current.matches(execution_id, step):
        return current
    if execution_id is None:
        return None
    with _lock:
        return _calls.get((execution_id, step))
