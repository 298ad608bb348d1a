"""The HTTP side of a Pioneer."""

import asyncio
import json
from typing import Any

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from . import limits
from .answer import StepFailed
from .call import Call
from .problem import Problem
from .registry import Registry, default_registry
from .run import run

SERVICE = "pioneer-service"
"""Where ``GET /steps`` says that the steps come from."""


def create_app(
    registry: Registry | None = None,
    *,
    service: str = SERVICE,
    body_bytes_max: int = limits.CALL_BODY_BYTES_MAX,
    sync_steps_max: int = limits.SYNC_STEPS_MAX,
    report_flush_seconds: float = limits.REPORT_FLUSH_SECONDS,
) -> FastAPI:
    """Makes the service: the steps of ``registry``, or else all that :func:`pioneer.register` knows, as Discovery
    calls them.
    """
    steps = default_registry if registry is None else registry
    threads = asyncio.Semaphore(sync_steps_max)
    app = FastAPI(title=service, redirect_slashes=False)

    async def list_steps() -> dict[str, Any]:
        """List the steps that this service runs."""
        return steps.catalogue(service)

    async def health() -> dict[str, str]:
        """Tell that the service is alive."""
        return {"status": "healthy", "service": service}

    async def run_step(handler: str, request: Request) -> Response:
        """Run a step."""
        try:
            context, config = await _read_call(request, body_bytes_max)
            step = steps.get(handler)
            if step is None:
                known = ", ".join(steps.names())
                detail = f"This service has no step '{handler}'; it has: {known}."
                raise StepFailed(detail, type="UnknownHandler", status=404)
        except StepFailed as failure:
            return Problem.of(failure)
        call = Call.of(handler, request.headers, context)
        return await run(step, call, context, config, threads, report_flush_seconds)

    for path, endpoint, method in (
        ("/steps", list_steps, "GET"),
        ("/steps/{handler}", run_step, "POST"),
        ("/health", health, "GET"),
    ):
        app.add_api_route(path, endpoint, methods=[method])
        app.add_api_route(path + "/", endpoint, methods=[method], include_in_schema=False)
    app.add_exception_handler(HTTPException, _refuse)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    """Answers what no route takes."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        detail = f"There is nothing at {request.method} {request.url.path}."
        return Problem(404, "NotFound", detail)
    return Problem(error.status_code, "HttpError", f"{error.detail}.", error.headers)


async def _read_call(request: Request, bytes_max: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads the context and the configuration out of the body."""
    chunks, size_bytes = [], 0
    try:
        async for chunk in request.stream():
            size_bytes += len(chunk)
            # What is too much is read too, or the answer would be lost with a broken connection.
            if size_bytes <= bytes_max:
                chunks.append(chunk)
    except ClientDisconnect:
        raise StepFailed("The body broke off.", type="BrokenBody", status=400) from None
    if size_bytes > bytes_max:
        detail = f"The body is larger than the {bytes_max} bytes that this service takes."
        raise StepFailed(detail, type="BodyTooLarge", status=413)
    try:
        body = json.loads(b"".join(chunks))
    except (ValueError, RecursionError) as error:
        raise _malformed(str(error)) from None
    if not isinstance(body, dict):
        raise _malformed("it is no object")
    return _object(body, "context"), _object(body, "config")


def _object(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _malformed(f"'{key}' is no object")
    return value


def _malformed(reason: str) -> StepFailed:
    detail = f"The body is no JSON object with 'context' and 'config' as objects: {reason}."
    return StepFailed(detail, type="MalformedBody", status=400)
