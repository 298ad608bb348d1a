"""The table of steps."""

import inspect
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .answer import Result
from .limits import STEP_NAME_CHARS_MAX

Handler = Callable[[dict[str, Any], dict[str, Any]], Result | Awaitable[Result]]
"""A step: from the execution's context and the step's configuration to a result. ``async def`` runs in the
server's event loop and must not block it; ``def`` runs in a thread."""

H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class Step:
    """A registered step."""

    name: str
    handler: Handler

    @property
    def full_doc(self) -> str:
        """The handler's docstring."""
        return inspect.getdoc(self.handler) or ""

    @property
    def description(self) -> str:
        """The first line of the docstring."""
        return self.full_doc.partition("\n")[0]


class Registry:
    """Steps by name."""

    def __init__(self) -> None:
        self._steps: dict[str, Step] = {}

    def register(self, name: str) -> Callable[[H], H]:
        """Registers the function below it as the step ``name``, and leaves it as it is.

        Raises ``ValueError`` where Discovery could not call a step of this name or another function has it.
        """
        _check_name(name)

        def add(handler: H) -> H:
            _check_signature(handler)
            known = self._steps.get(name)
            # The same function again is a module that was loaded again.
            if known is not None and _identity(known.handler) != _identity(handler):
                raise ValueError(f"a step '{name}' is registered already")
            self._steps[name] = Step(name, handler)
            return handler

        return add

    def get(self, name: str) -> Step | None:
        """Finds a step."""
        return self._steps.get(name)

    def names(self) -> list[str]:
        """The names of the steps, sorted."""
        return sorted(self._steps)

    def catalogue(self, service: str) -> dict[str, Any]:
        """What ``GET /steps`` answers."""
        steps = [self._steps[name] for name in self.names()]
        return {
            "service": service,
            "available_steps": [
                {"name": step.name, "description": step.description, "full_doc": step.full_doc} for step in steps
            ],
            "total_count": len(steps),
        }


default_registry = Registry()
"""Where :func:`register` puts steps."""


def register(name: str) -> Callable[[H], H]:
    """Registers the function below it as the step ``name``, and leaves it as it is.

    Raises ``ValueError`` where Discovery could not call a step of this name or another function has it.
    """
    return default_registry.register(name)


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError('a step is registered by its name: @register("my_step")')
    reason = None
    if not name:
        reason = "it is empty"
    elif name in (".", ".."):
        reason = "it means a folder in a URL"
    elif "/" in name:
        reason = "it contains a '/'"
    elif any(unicodedata.category(char) == "Cc" for char in name):
        reason = "it contains a control character"
    elif len(name) > STEP_NAME_CHARS_MAX:
        reason = f"it is longer than {STEP_NAME_CHARS_MAX} characters"
    if reason is not None:
        raise ValueError(f"{name!r} cannot name a step: {reason}")


def _check_signature(handler: Handler) -> None:
    try:
        inspect.signature(handler).bind({}, {})
    except TypeError:
        raise TypeError(f"{handler!r} cannot be a step: it must take (context, config)") from None


def _identity(handler: Handler) -> object:
    names = getattr(handler, "__module__", None), getattr(handler, "__qualname__", None)
    # Functions made in a loop or a call share their names without being the same.
    return handler if None in names or "<" in str(names[1]) else names
