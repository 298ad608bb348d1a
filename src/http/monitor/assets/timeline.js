// When each attempt at each step ran, drawn to scale.

import { h, setAttribute, setText, show, svg } from "./dom.js";
import { serverNow } from "./api.js";
import { duration, exactly, number, t } from "./i18n.js";
import { rowsOf } from "./steps.js";

/** Of more attempts the newest are drawn. */
const ATTEMPTS_MAX = 400;
const ROW_PIXELS = 30;
const BAR_PIXELS = 14;
const AXIS_PIXELS = 24;
const TICKS = [4, 8];
const STEPS_OF_TICKS = [1, 2, 5];
const ROUND_SECONDS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** A round length so that the axis has few marks, in seconds. */
export function tickOf(seconds, count) {
  const wanted = seconds / count;
  if (wanted > 10) {
    const found = ROUND_SECONDS.find((round) => round >= wanted);
    return found ?? Math.ceil(wanted / 86400) * 86400;
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(wanted, 0.001)));
  return (STEPS_OF_TICKS.find((step) => step * power >= wanted) ?? 10) * power;
}

export function createTimeline() {
  const drawing = h("div", { class: "timeline-drawing" });
  const note = h("p", { class: "note", hidden: true });
  const body = h("tbody");
  const words = ["step", "attempt", "state", "began", "took"].map((name) => h("th", { scope: "col" }, t(`timeline.${name}`)));
  const table = h("details", { class: "timeline-table" },
    h("summary", {}, t("timeline.as_table")),
    h("div", { class: "scroll-x" }, h("table", {}, h("caption", { class: "sr-only" }, t("timeline.title")), h("thead", {}, h("tr", {}, words)), body)));
  const element = h("section", { class: "card", "aria-labelledby": "timeline-title" },
    h("h2", { id: "timeline-title" }, t("timeline.title")), drawing, note, table);
  let given = null;
  const redraw = () => {
    if (!given) return;
    const { rows, dropped, from, to, isOpen } = measured(given.status, given.definition);
    show(element, rows.some((row) => row.attempts.length > 0));
    drawing.replaceChildren(draw(rows, from, to, isOpen, drawing.clientWidth || 600));
    show(note, dropped > 0);
    setText(note, t("timeline.dropped", { count: number(dropped) }));
    if (table.open) fillTable(body, rows);
  };
  table.addEventListener("toggle", redraw);
  const resized = new ResizeObserver(redraw);
  resized.observe(drawing);
  return {
    element,
    update(status, definition) {
      given = { status, definition };
      redraw();
    },
    leave: () => resized.disconnect(),
  };
}

function measured(status, definition) {
  const tried = status.steps_history.filter((entry) => entry.started_at);
  const dropped = Math.max(0, tried.length - ATTEMPTS_MAX);
  const shown = new Set(tried.slice(dropped));
  const all = rowsOf(status, definition).map((row) => ({ ...row, attempts: row.attempts.filter((entry) => shown.has(entry)) }));
  const rows = all.filter((row) => row.attempts.length > 0);
  const begins = [...shown].map((entry) => Date.parse(entry.started_at));
  const from = dropped > 0 ? Math.min(...begins) : Math.min(Date.parse(status.created_at), ...begins);
  const isOpen = !status.finished_at && status.status === "running";
  const ends = [...shown].map((entry) => endOf(entry));
  const to = Math.max(from + 1, isOpen ? serverNow() : from, ...ends);
  return { rows, dropped, from, to, isOpen };
}

function endOf(entry) {
  return entry.finished_at ? Date.parse(entry.finished_at) : serverNow();
}

function draw(rows, from, to, isOpen, width) {
  const isNarrow = width < 480;
  const labels = isNarrow ? 0 : Math.min(190, width * 0.3);
  const row = isNarrow ? ROW_PIXELS + 12 : ROW_PIXELS;
  const inner = Math.max(60, width - labels - 12);
  const height = rows.length * row + AXIS_PIXELS;
  const x = (time) => labels + ((time - from) / (to - from)) * inner;
  const summary = t("timeline.summary", { count: number(rows.length), time: duration((to - from) / 1000) });
  const picture = svg("svg", { class: "timeline", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summary });
  picture.append(...axis(from, to, x, height, isNarrow));
  rows.forEach((one, place) => picture.append(...drawRow(one, place * row, row, isNarrow, labels, width, x)));
  if (isOpen) picture.append(svg("line", { class: "timeline-now", x1: x(to), x2: x(to), y1: 0, y2: height - AXIS_PIXELS }));
  return picture;
}

function axis(from, to, x, height, isNarrow) {
  const seconds = (to - from) / 1000;
  const tick = tickOf(seconds, TICKS[isNarrow ? 0 : 1]);
  const marks = [];
  for (let at = 0; at <= seconds * 1.0001 && marks.length < 40; at += tick) {
    const place = x(from + at * 1000);
    const isLast = at + tick > seconds;
    const anchor = at === 0 ? "start" : isLast && place > x(to) - 24 ? "end" : "middle";
    marks.push(svg("g", {},
      svg("line", { class: "timeline-grid", x1: place, x2: place, y1: 0, y2: height - AXIS_PIXELS + 4 }),
      svg("text", { class: "timeline-tick", x: place, y: height - 6, "text-anchor": anchor }, at === 0 ? "0" : duration(Number(at.toPrecision(6))))));
  }
  return marks;
}

function drawRow(row, top, height, isNarrow, labels, width, x) {
  const parts = [];
  const middle = isNarrow ? top + height - ROW_PIXELS / 2 + 2 : top + height / 2;
  const words = shortened(row.name, (isNarrow ? width : labels - 12) / 7);
  parts.push(svg("text", { class: "timeline-name", x: 0, y: isNarrow ? top + 14 : middle + 4 }, words, svg("title", {}, row.name)));
  for (const entry of row.attempts) {
    const begin = x(Date.parse(entry.started_at));
    const length = Math.max(3, x(endOf(entry)) - begin);
    const state = entry.status === "success" ? "completed" : entry.status;
    const bar = svg("rect", { class: "timeline-bar", x: begin, y: middle - BAR_PIXELS / 2, width: length, height: BAR_PIXELS, rx: Math.min(4, length / 2) });
    bar.dataset.state = state;
    bar.append(svg("title", {}, `${row.name} · ${numbersOf(entry)} · ${t(`state.${state}`)} · ${duration(secondsOf(entry))}`));
    parts.push(bar);
  }
  return parts;
}

function shortened(text, length) {
  return text.length <= length ? text : `${text.slice(0, Math.max(1, Math.floor(length) - 1))}…`;
}

function numbersOf(entry) {
  return t("steps.attempt", { attempt: number(entry.attempt), visit: number(entry.visit) });
}

function secondsOf(entry) {
  return (endOf(entry) - Date.parse(entry.started_at)) / 1000;
}

function fillTable(body, rows) {
  const entries = rows.flatMap((row) => row.attempts).sort((a, b) => Date.parse(a.started_at) - Date.parse(b.started_at));
  body.replaceChildren(...entries.map((entry) => {
    const state = entry.status === "success" ? "completed" : entry.status;
    const line = h("tr", {},
      h("th", { scope: "row" }, entry.step_name), h("td", {}, numbersOf(entry)), h("td", {}, t(`state.${state}`)),
      h("td", {}, exactly(entry.started_at)), h("td", {}, duration(secondsOf(entry))));
    setAttribute(line, "data-state", state);
    return line;
  }));
}
