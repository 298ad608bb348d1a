"""Every bound of the package, with its unit; those that a service may want to change are settings of
:func:`pioneer.create_app`.
"""

from typing import Final

CALL_BODY_BYTES_MAX: Final = 256 * 1024 * 1024
"""The largest body of a call: documents come in it as base64. A setting."""

SYNC_STEPS_MAX: Final = 256
"""How many synchronous steps may run at once, each in its thread; more wait for their turn. A setting."""

REPORT_FLUSH_SECONDS: Final = 2.0
"""How long a step's answer waits for its last reports to arrive. A setting."""

REPORT_TIMEOUT_SECONDS: Final = 5.0
"""How long Discovery may take to acknowledge one report."""

REPORT_TRIES_MAX: Final = 3
"""How often one report is sent before it is given up."""

OUTCOME_TRIES_MAX: Final = 30
"""How often a completion is sent that no answer of the step follows: nothing else tells the outcome, and with
the waits below this outlasts a restart of Discovery (about two minutes)."""

REPORT_RETRY_SECONDS_FIRST: Final = 0.1
"""The wait before a report is sent a second time; it doubles each time …"""

REPORT_RETRY_SECONDS_MAX: Final = 5.0
"""… up to this."""

REPORT_ANSWER_BYTES_MAX: Final = 1024 * 1024
"""How much of Discovery's acknowledgement is read: only so that the connection can be used again."""

REPORT_CONNECTIONS_MAX: Final = 256
"""Connections to Discovery that may be open at once."""

REPORT_KEEP_ALIVE_SECONDS: Final = 2.0
"""How long an idle connection to Discovery is kept; below what common servers keep."""

EXIT_FLUSH_SECONDS: Final = 2.0
"""How long the end of the process waits for reports that are on their way."""

ACCEPTED_CALLS_MAX: Final = 1024
"""Accepted calls whose token is remembered for a completion that comes from a thread of its own."""

KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection is kept for the next call. Discovery drops its idle ones after 4 s, and must
always be the first to do so."""

SHUTDOWN_SECONDS: Final = 30
"""How long steps that run may go on once the service was told to stop."""

STEP_NAME_CHARS_MAX: Final = 128
"""The longest name of a step."""
