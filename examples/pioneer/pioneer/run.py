"""How one call is run: the handler, its exceptions, and the flush of its reports."""

import asyncio
import inspect
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any

from starlette.responses import Response

from .answer import Accepted
from .call import Call
from .delivery import deliveries
from .problem import Problem
from .registry import Step

_log = logging.getLogger("pioneer")


class InvalidAnswer(Exception):
    """A step returned what cannot be sent."""


async def run(
    step: Step,
    call: Call,
    context: dict[str, Any],
    config: dict[str, Any],
    threads: asyncio.Semaphore,
    flush_seconds: float,
) -> Response:
    """Runs the step and has its reports sent before the answer, or as many as go in ``flush_seconds``."""
    with call.running():
        try:
            response = _answer(step, await _invoke(step, context, config, threads))
        except (Exception, SystemExit) as error:
            response = Problem.of(error)
            if response.status_code >= 500:
                _log.error("step '%s' failed", step.name, exc_info=error)
        call.is_accepted = response.status_code == 202
    if call.target is not None and not call.is_accepted:
        sent = asyncio.wrap_future(deliveries.sent(call.target))
        try:
            await asyncio.wait_for(sent, flush_seconds)
        except TimeoutError:
            _log.warning("the last reports of step '%s' are dropped: discovery took too long", step.name)
        finally:
            deliveries.drop(call.target)
    return response


async def _invoke(step: Step, context: dict[str, Any], config: dict[str, Any], threads: asyncio.Semaphore) -> object:
    handler = step.handler
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        result: object = handler(context, config)
    else:
        async with threads:
            result = await _in_thread(lambda: handler(context, config))
    # A plain function may hand on what an async one gave it.
    return await result if inspect.isawaitable(result) else result


async def _in_thread(work: Callable[[], object]) -> object:
    """Runs ``work`` in a thread of its own, which does not keep the process alive."""
    done: Future[tuple[object, BaseException | None]] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result((work(), None))
        except BaseException as error:
            done.set_result((None, error))

    threading.Thread(target=copy_context().run, args=(run,), name="pioneer-step", daemon=True).start()
    result, error = await asyncio.wrap_future(done)
    if error is not None:
        raise error
    return result


def _answer(step: Step, result: object) -> Response:
    if isinstance(result, Accepted):
        return _json(b"{}", 202)
    if result is None:
        result = {}
    if not isinstance(result, dict):
        raise InvalidAnswer(f"Step '{step.name}' returned {type(result).__name__}, which is no dict.")
    try:
        body = json.dumps(result, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidAnswer(f"What step '{step.name}' returned is no JSON: {error}") from None
    return _json(body, 200)


def _json(body: bytes, status: int) -> Response:
    return Response(body, status, media_type="application/json")
