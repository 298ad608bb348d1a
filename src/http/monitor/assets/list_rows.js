// The rows of the list of executions. They follow the events, and their keys let the focus stay where it is.

import { serverNow } from "./api.js";
import { h, reconcile, setAttribute, setText, show, throttled } from "./dom.js";
import { duration, inFull, moment, number, t } from "./i18n.js";
import { link } from "./router.js";
import { badge, setBadge } from "./status.js";

const DRAW_MILLISECONDS = 120;
const SEGMENTS_MAX = 12;
const ENDED = new Set(["completed", "failed", "cancelled"]);

const AFTER = {
  step_started: "running", workflow_resumed: "running", workflow_paused: "paused", workflow_completed: "completed",
  workflow_failed: "failed", workflow_cancelled: "cancelled",
};

/** `workflowOf(id)` gives a definition, if it is known. */
export function createRows({ workflowOf }) {
  const names = ["state", "workflow", "step", "started", "took"];
  const heads = names.map((name) => h("th", { scope: "col", role: "columnheader", class: `cell-${name}` }, t(`list.${name}`)));
  const body = h("tbody", { role: "rowgroup" });
  // The roles are named, because a narrow page lays the rows out as cards, and a table that is not laid out as one loses them.
  const element = h("table", { class: "rows", role: "table", tabindex: "-1" },
    h("caption", { class: "sr-only" }, t("list.title")),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)), body);
  let rows = [];
  const draw = () => reconcile(body, rows, (row) => row.id, create, (line, row) => update(line, row, workflowOf(row.workflow_id)));
  const drawSoon = throttled(DRAW_MILLISECONDS, draw);
  return {
    element,
    count: () => rows.length,
    focus: () => element.focus({ preventScroll: false }),
    redraw: draw,
    tick: () => {
      if (!document.hidden) draw();
    },
    replace(executions) {
      rows = executions;
      draw();
    },
    /** Puts an execution that has just begun on top. */
    insert(event, most) {
      if (rows.some((row) => row.id === event.execution_id)) return;
      const row = {
        id: event.execution_id, workflow_id: event.workflow_id, workflow_name: event.workflow_name, status: "running", mode: event.mode,
        context: {}, custom_status: null, current_step_id: null, created_at: event.timestamp, updated_at: event.timestamp,
      };
      rows = [row, ...rows].slice(0, most);
      drawSoon();
    },
    /** Changes the row that an event is about, if it is shown. */
    apply(event) {
      const row = rows.find((one) => one.id === event.execution_id);
      if (!row || event.seq <= (row.seq ?? 0)) return;
      row.seq = event.seq;
      row.status = AFTER[event.event] ?? row.status;
      row.updated_at = event.timestamp;
      if (event.event === "step_started") row.current_step_id = event.step_id;
      if (event.event === "execution_properties_updated") row.custom_status = event.custom_status;
      drawSoon();
    },
  };
}

function create(row) {
  const parts = {
    state: badge(),
    name: h("a", { class: "row-link", href: link(`/executions/${encodeURIComponent(row.id)}`) }),
    detail: h("span", { class: "row-detail" }),
    custom: h("span", { class: "custom-status", hidden: true }),
    segments: h("span", { class: "segments", "aria-hidden": "true" }),
    step: h("span", { class: "row-step" }),
    started: h("time"),
    took: h("span"),
  };
  const cell = (name, ...children) => h("td", { role: "cell", class: `cell-${name}` }, children);
  const line = h("tr", { role: "row", class: "row" },
    cell("state", parts.state, parts.custom),
    cell("workflow", parts.name, parts.detail),
    cell("step", parts.segments, parts.step),
    cell("started", parts.started),
    cell("took", parts.took));
  line.parts = parts;
  return line;
}

function update(line, row, workflow) {
  const { parts } = line;
  setBadge(parts.state, row.status);
  show(parts.custom, Boolean(row.custom_status));
  setText(parts.custom, row.custom_status);
  setText(parts.name, workflow?.name ?? row.workflow_name ?? t("list.deleted_workflow"));
  const properties = row.context?.dynamic_properties;
  const name = row.context?.nombre_documento ?? properties?.nombre_documento;
  setText(parts.detail, typeof name === "string" ? name : row.id);
  parts.detail.classList.toggle("id", typeof name !== "string");
  updateStep(parts, row, workflow);
  setText(parts.started, moment(row.created_at));
  setAttribute(parts.started, "datetime", row.created_at);
  setAttribute(parts.started, "title", inFull(row.created_at));
  const end = ENDED.has(row.status) ? Date.parse(row.updated_at) : serverNow();
  setText(parts.took, duration(Math.max(0, (end - Date.parse(row.created_at)) / 1000)));
}

/** The place among the steps, where the definition that we know has the step. */
function updateStep(parts, row, workflow) {
  const steps = workflow ? [...workflow.steps].sort((a, b) => a.order - b.order) : [];
  const place = steps.findIndex((step) => step.id === row.current_step_id);
  const isDone = row.status === "completed";
  const hasPlace = steps.length > 0 && (place >= 0 || isDone);
  setText(parts.step, isDone ? "" : (steps[place]?.name ?? ""));
  setAttribute(parts.step, "title", hasPlace && !isDone ? t("list.step_place", { place: number(place + 1), count: number(steps.length) }) : null);
  const wanted = hasPlace && steps.length <= SEGMENTS_MAX ? steps.length : 0;
  while (parts.segments.childElementCount > wanted) parts.segments.lastElementChild.remove();
  while (parts.segments.childElementCount < wanted) parts.segments.append(h("i"));
  [...parts.segments.children].forEach((segment, at) => {
    const state = isDone || at < place ? "completed" : at === place ? row.status : "pending";
    if (segment.dataset.state !== state) segment.dataset.state = state;
  });
}
