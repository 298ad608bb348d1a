"""A Pioneer: the HTTP service that runs the steps of Discovery workflows, written as Python functions.

::

    from pioneer import StepFailed, register, report_progress

    @register("greet")
    async def greet(context: dict, config: dict) -> dict:
        \"\"\"Greets by name.\"\"\"
        if "name" not in context:
            raise StepFailed("The context has no 'name'.", type="MissingField")
        await report_progress(context["execution_id"], "greet", {"percentage": 50, "message": "about to greet"})
        return {"context": {"greeting": f"Hello, {context['name']}"}}

================================ ================================================================
``registry.py``                  ``register``, and the table of steps
``server.py``, ``problem.py``    the routes, and errors as they are answered
``run.py``, ``call.py``          how one call is run, and how a report finds its call
``answer.py``                    what a step gives back
``reports.py``, ``delivery.py``  what a step reports, and its way to Discovery
``limits.py``                    every bound
``cli.py``                       the command
================================ ================================================================
"""

from .answer import Accepted, Result, StepFailed
from .registry import Handler, Registry, register
from .reports import Queued, report_completion, report_progress
from .server import create_app

__all__ = [
    "Accepted",
    "Handler",
    "Queued",
    "Registry",
    "Result",
    "StepFailed",
    "create_app",
    "register",
    "report_completion",
    "report_progress",
]
