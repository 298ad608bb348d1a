// An event, said in one line.

import { duration, number, percent, t, tOr, tn } from "./i18n.js";
import { errorWords } from "./status.js";

/** The picture that an event has. */
const PICTURES = {
  workflow_started: "start", step_started: "running", step_progress: "pending", step_completed: "complete",
  step_waiting: "waiting", step_error: "failed", step_finished: "completed", workflow_pausing: "pause",
  workflow_paused: "paused", workflow_resumed: "resume", workflow_cancelled: "cancelled",
  execution_properties_updated: "info", max_visits_exceeded: "failed", workflow_completed: "completed",
  workflow_failed: "failed",
};

export function pictureOf(event) {
  return PICTURES[event.event] ?? "info";
}

/** What kind of event it is, in words. */
export function titleOf(event) {
  return tOr(`event.${event.event}`, event.event);
}

/** What it tells beyond its kind. */
export function textOf(event) {
  const parts = SAID[event.event]?.(event) ?? [];
  return parts.filter((part) => part !== null && part !== undefined && part !== "").join(" · ");
}

const step = (event) => event.step_name ?? event.step;
const attempt = (event) => (event.attempt > 1 ? t("said.attempt", { attempt: number(event.attempt) }) : null);

const SAID = {
  workflow_started: (event) => [event.workflow_name, tOr(`mode.${event.mode}`, event.mode), tn("said.steps", event.total_steps ?? 0)],
  step_started: (event) => [step(event), attempt(event), event.visit > 1 ? t("said.visit", { visit: number(event.visit) }) : null],
  step_progress: (event) => [
    step(event),
    Number.isFinite(event.progress?.percentage) ? percent(event.progress.percentage) : null,
    event.progress?.message, event.progress?.current_task,
  ],
  step_completed: (event) => [step(event), event.result?.message],
  step_waiting: (event) => [step(event)],
  step_error: (event) => [
    step(event), attempt(event), errorWords(event.error),
    Number.isFinite(event.retry_in_seconds) ? t("said.retry_in", { time: duration(event.retry_in_seconds) }) : null,
  ],
  step_finished: (event) => [
    step(event),
    Number.isFinite(event.duration_seconds) ? duration(event.duration_seconds) : null,
    event.next ? t("said.next", { step: event.next }) : null,
  ],
  workflow_pausing: (event) => [tOr(`reason.${event.reason}`, event.reason)],
  workflow_paused: (event) => [tOr(`reason.${event.reason}`, event.reason)],
  workflow_resumed: (event) => [tOr(`reason.${event.reason}`, event.reason)],
  workflow_cancelled: (event) => [tOr(`reason.${event.reason}`, event.reason)],
  execution_properties_updated: (event) => [event.custom_status],
  max_visits_exceeded: (event) => [step(event), t("said.max_visits", { count: number(event.max_visits) })],
  workflow_completed: (event) => [
    Number.isFinite(event.duration_seconds) ? duration(event.duration_seconds) : null,
    tOr(`reason.${event.completion_reason}`, event.completion_reason),
  ],
  workflow_failed: (event) => [event.failed_step, errorWords(event.error)],
};
