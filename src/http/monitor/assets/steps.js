// The steps of an execution, each with its bar and what it said last.

import { h, reconcile, setText, show } from "./dom.js";
import { duration, number, percent, t, tn } from "./i18n.js";
import { badge, bar, errorWords, setBadge, setBar } from "./status.js";

/** The steps in their order: those of the definition, if it is the one that the execution runs by, and those entered. */
export function rowsOf(status, definition) {
  const planned = definition?.version === status.workflow_version ? definition.steps : [];
  const ordered = [...planned].sort((a, b) => a.order - b.order);
  const rows = new Map(ordered.map((step) => [step.name, { name: step.name, handler: step.handler, attempts: [] }]));
  for (const entry of status.steps_history) {
    if (!rows.has(entry.step_name)) rows.set(entry.step_name, { name: entry.step_name, handler: entry.handler, attempts: [] });
    rows.get(entry.step_name).attempts.push(entry);
  }
  const current = status.current_step;
  if (current && !rows.has(current.name)) rows.set(current.name, { name: current.name, handler: current.handler, attempts: [] });
  return [...rows.values()].map((row) => ({ ...row, state: stateOfStep(row, status), newest: row.attempts.at(-1) ?? null }));
}

function stateOfStep(row, status) {
  const newest = row.attempts.at(-1);
  const isCurrent = status.current_step?.name === row.name;
  if (isCurrent && status.status === "running") {
    if (status.waiting_for === "next") return "next";
    if (status.waiting_for === "retry") return "retrying";
    if (status.waiting_for === "callback") return "waiting";
  }
  if (isCurrent && status.status === "paused" && newest?.status !== "running") return "paused";
  if (!newest) return "pending";
  return { success: "completed" }[newest.status] ?? newest.status;
}

function valueOf(row) {
  if (row.state === "completed") return 100;
  const reported = row.newest?.progress?.percentage;
  if (["running", "waiting"].includes(row.state)) return reported ?? null;
  return ["failed", "cancelled", "retrying"].includes(row.state) ? (reported ?? 0) : 0;
}

export function createSteps() {
  const list = h("ol", { class: "steps" });
  const more = h("p", { class: "note", hidden: true });
  const element = h("section", { class: "card", "aria-labelledby": "steps-title" },
    h("h2", { id: "steps-title" }, t("steps.title")), list, more);
  return {
    element,
    update(status, definition, elapsed) {
      const rows = rowsOf(status, definition);
      reconcile(list, rows, (row) => row.name, createRow, (child, row) => updateRow(child, row, elapsed));
      const hidden = status.progress.total_steps - rows.length;
      show(more, hidden > 0);
      setText(more, tn("steps.more", hidden));
    },
  };
}

function createRow(row) {
  const parts = {
    state: badge("badge-quiet"),
    time: h("span", { class: "step-time" }),
    bar: bar(row.name),
    message: h("span", { class: "step-message" }),
    task: h("span", { class: "step-task" }),
    rest: h("span", { class: "step-rest" }),
    value: h("span", { class: "step-value" }),
    count: h("span", { class: "step-count" }),
    error: h("p", { class: "step-error", hidden: true }),
  };
  const child = h("li", { class: "step" },
    h("div", { class: "step-head" },
      h("div", { class: "step-names" }, h("span", { class: "step-name" }, row.name), h("code", { class: "step-handler" }, row.handler)),
      parts.count, parts.time, parts.state),
    h("div", { class: "step-bar" }, parts.bar, parts.value),
    h("p", { class: "step-words" }, parts.message, parts.task, parts.rest),
    parts.error);
  child.parts = parts;
  return child;
}

function updateRow(child, row, elapsed) {
  const { parts } = child;
  const { newest, state } = row;
  const value = valueOf(row);
  const progress = newest?.progress;
  const isMoving = ["running", "waiting"].includes(state);
  child.dataset.state = state;
  setBadge(parts.state, state);
  const words = value === null ? t("steps.no_progress") : percent(value);
  setBar(parts.bar, state, value, [t(`state.${state}`), words, progress?.message].filter(Boolean).join(", "));
  setText(parts.value, ["pending", "skipped", "next"].includes(state) ? "" : value === null ? "…" : percent(value));
  setText(parts.message, progress?.message ?? "");
  const task = isMoving ? progress?.current_task : null;
  setText(parts.task, task ?? "");
  const rest = isMoving ? progress?.estimated_remaining_seconds : null;
  setText(parts.rest, Number.isFinite(rest) ? t("steps.remaining", { time: duration(rest) }) : "");
  show(child.querySelector(".step-words"), Boolean(progress?.message || task || Number.isFinite(rest)));
  const tried = row.attempts.filter((entry) => entry.attempt > 0).length;
  const numbers = newest && tried > 1 ? t("steps.attempt", { attempt: number(newest.attempt), visit: number(newest.visit) }) : "";
  setText(parts.count, numbers);
  const seconds = newest?.status === "running" ? newest.duration_seconds + elapsed : newest?.duration_seconds;
  setText(parts.time, newest && newest.attempt > 0 ? duration(seconds) : "");
  const error = ["failed", "retrying", "paused", "cancelled"].includes(state) ? errorWords(newest?.error) : "";
  show(parts.error, error !== "");
  setText(parts.error, error);
}
