"""What a step gives back, or raises."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Accepted:
    """Answers 202: the step runs on elsewhere, and a later ``report_completion`` is its outcome."""


Result = Mapping[str, Any] | Accepted | None
"""What a step may return: ``{"context": …, "next": …}``, a plain dict that is merged as it is, nothing, or
:class:`Accepted`."""


class StepFailed(Exception):
    """Fails the step, with a plain sentence for people.

    ``type`` is a short name without spaces, which a workflow's ``non_retryable_errors`` may list. The ``status``
    decides what comes next: 4xx is final (save 408, 425 and 429), 5xx is tried again as the step's ``retry``
    allows, not before ``retry_after`` seconds. What is no error status becomes a 500.
    """

    def __init__(
        self,
        detail: str,
        *,
        type: str = "StepFailed",
        status: int = 422,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.type = type
        self.status = status if 400 <= status <= 599 else 500
        self.retry_after = retry_after
