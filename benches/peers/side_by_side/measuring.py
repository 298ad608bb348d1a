"""The rounds: in each, every system has its turn alone, and in it every level of load."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .installing import Programs
from .postgres import Postgres
from .processes import resident_bytes
from .systems import JOURNAL_ALONE, STEPS, Running, System
from .turn import Turn

REPEATS_MAX = 2
# A slow system with many in flight: enough time for more than one run of each that is in flight.
SLOW_FROM_IN_FLIGHT = 100
SLOW_WARM_UP, SLOW_SECONDS = 8, 4
# Start, stop and what is in flight at the end.
TURN_SECONDS, DRAIN_SECONDS, SLOW_DRAIN_SECONDS = 4, 0.5, 20
JOURNAL_SECONDS = 5
# How long a system that has nothing to do is left alone before it is looked at.
IDLE_SECONDS = 2
# What the driver may take beyond its measurement: one answer may take a minute.
DRIVER_SECONDS = 70

# The start with the first step, the end of each step with the next one's beginning, the last step with the end.
COMMITS_OF_A_RUN = STEPS + 1

Measured = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long."""

    systems: list[System]
    levels: list[int]
    rounds: int
    seconds: float
    warm_up_seconds: float
    foreign_max: float
    minutes: float
    journal: str | None

    def times(self, system: System, in_flight: int) -> tuple[float, float, float]:
        """Tell how long it is warmed up, is measured, and takes to end what is in flight."""
        if system.is_slow and in_flight >= SLOW_FROM_IN_FLIGHT:
            return self.warm_up_seconds * SLOW_WARM_UP, self.seconds * SLOW_SECONDS, SLOW_DRAIN_SECONDS
        return self.warm_up_seconds, self.seconds, DRAIN_SECONDS

    def expected_seconds(self) -> float:
        """Tell how long all of it takes where nothing is measured again."""
        levels = sum(sum(self.times(system, level)) for system in self.systems for level in self.levels)
        journal = len(self.levels) * JOURNAL_SECONDS if self.journal else 0
        return self.rounds * (levels + journal + (TURN_SECONDS + IDLE_SECONDS) * len(self.systems))


class Rounds:
    """All rounds."""

    def __init__(self, plan: Plan, programs: Programs, postgres: Postgres) -> None:
        """Begin now: the time that repeats may take is counted from here."""
        self.plan, self.programs, self.postgres = plan, programs, postgres
        # What is left for measuring again what others disturbed.
        self.spare_seconds = plan.minutes * 60 - plan.expected_seconds()

    def measure(self) -> Iterator[Measured]:
        """Measure everything; answers one line for each system and level, and for the journal."""
        for number in range(1, self.plan.rounds + 1):
            # Each round begins with another, so that none is always the one behind the same other.
            shift = (number - 1) % len(self.plan.systems)
            for system in self.plan.systems[shift:] + self.plan.systems[:shift]:
                for measured in self._turn(system):
                    yield {"kind": "measured", "round": number, **measured}
            for in_flight in self.plan.levels if self.plan.journal else []:
                yield {"kind": "journal", "round": number, "in_flight": in_flight, **self._journal(in_flight)}

    def _turn(self, system: System) -> Iterator[Measured]:
        began = time.monotonic()
        try:
            with Turn(self.programs, self.postgres) as turn:
                running = system.start(turn)
                started = time.monotonic() - began
                time.sleep(IDLE_SECONDS)
                idle = {name: resident_bytes(pid) for name, pid in running.processes.items()}
                for in_flight in self.plan.levels:
                    measured = self._measure_quietly(system, running, in_flight)
                    _say(f"{system.name}, {in_flight} in flight: {measured['steps_per_second']:,.0f} steps/s")
                    yield {"system": system.name, "started_seconds": started, "idle_bytes": idle, **measured}
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            # The others can be measured all the same.
            _say(f"{system.name} failed: {error}")
            yield {"system": system.name, "failed": str(error)}

    def _measure_quietly(self, system: System, running: Running, in_flight: int) -> Measured:
        """Measure; again where others took too much of the machine, as long as there is time. The quietest counts."""
        tries: list[Measured] = []
        while True:
            began = time.monotonic()
            tries.append(self._drive_to_the_end(system, running, in_flight))
            quietest = min(tries, key=lambda one: float(one["foreign_cpu_share"]))
            took = time.monotonic() - began
            quiet = quietest["foreign_cpu_share"] <= self.plan.foreign_max
            if quiet or len(tries) > REPEATS_MAX or took > self.spare_seconds:
                return {**quietest, "quiet": quiet, "repeats": len(tries) - 1}
            self.spare_seconds -= took
            _say(f"{quietest['foreign_cpu_share']:.0%} of the machine was taken by others: measures again")

    def _journal(self, in_flight: int) -> Measured:
        """Measure the journal's batch insert alone, with as many commits in a batch as are in flight."""
        command = str(self.plan.journal).replace("{in_flight}", str(in_flight))
        try:
            done = subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE, text=True)
        except subprocess.CalledProcessError as error:
            return {"system": JOURNAL_ALONE, "failed": str(error)}
        line: Measured = json.loads(done.stdout.splitlines()[-1])
        steps = line["commits_per_second"] * STEPS / COMMITS_OF_A_RUN
        _say(f"the journal alone, {in_flight} commits in a batch: {steps:,.0f} steps/s")
        return {**line, "steps_per_second": steps}

    def _drive_to_the_end(self, system: System, running: Running, in_flight: int) -> Measured:
        """Measure; once more where nothing came of it, as when a connection stalls on a busy machine."""
        try:
            return {**self._drive(system, running, in_flight), "broken_off": 0}
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            _say(f"{system.name}, {in_flight} in flight: {error}; tries once more")
            return {**self._drive(system, running, in_flight), "broken_off": 1}

    def _drive(self, system: System, running: Running, in_flight: int) -> Measured:
        warm_up, seconds, _ = self.plan.times(system, in_flight)
        # What was written before must not be waited for now.
        os.sync()
        with tempfile.NamedTemporaryFile("w", suffix=".json", dir=self.programs.directory) as body:
            json.dump(running.body, body)
            body.flush()
            command: list[str | Path] = [self.programs.load, "drive", "--url", running.url, "--body", body.name]
            command += ["--in-flight", str(in_flight), "--steps", str(running.steps)]
            command += ["--seconds", str(seconds), "--warm-up-seconds", str(warm_up)]
            for name, pid in running.processes.items():
                command += ["--pid", f"{name}={pid}"]
            limit = warm_up + seconds + DRIVER_SECONDS
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        if done.returncode != 0:
            # A backtrace may follow.
            raise RuntimeError(f"the driver says: {done.stderr.partition(chr(10))[0]}")
        measured: Measured = json.loads(done.stdout.splitlines()[-1])
        return measured


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
