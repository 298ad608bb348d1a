"""Errors as they are answered (RFC 9457)."""

import math
from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from .answer import StepFailed


class Problem(JSONResponse):
    """A problem that Discovery reads: ``type`` and ``detail`` become the error of the attempt."""

    media_type = "application/problem+json"

    def __init__(self, status: int, type: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        body = {"type": type, "title": _title(status), "status": status, "detail": _encodable(detail)}
        super().__init__(body, status_code=status, headers=headers)

    @classmethod
    def of(cls, error: BaseException) -> "Problem":
        """What an exception of a step is answered with."""
        if isinstance(error, StepFailed):
            headers = None
            if error.retry_after is not None and 0 <= error.retry_after < math.inf:
                headers = {"Retry-After": str(math.ceil(error.retry_after))}
            return cls(error.status, error.type, error.detail, headers)
        kind = type(error).__name__
        if isinstance(error, HTTPException) and 400 <= error.status_code <= 599:
            return cls(error.status_code, kind, str(error.detail), error.headers)
        return cls(500, kind, _with_causes(error))


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _with_causes(error: BaseException) -> str:
    texts: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(texts) < 10:
        texts.append(str(cause) or type(cause).__name__)
        cause = cause.__cause__
    return ": ".join(texts)


def _encodable(text: str) -> str:
    """What an exception says about a broken text may hold the broken half of it."""
    return text.encode(errors="replace").decode()
