// The table of live actors. Those that are stuck stand out, by colour, word and picture.

import { serverNow } from "./api.js";
import { setState } from "./actors_numbers.js";
import { h, reconcile, setAttribute, setText, show } from "./dom.js";
import { duration, inFull, moment, number, t } from "./i18n.js";
import { badge, setBadge } from "./status.js";

/** The columns, each with the name that the server sorts by; which way it is likelier wanted first. */
const COLUMNS = [
  { name: "state", sort: "state", first: "" },
  { name: "actor", sort: "kind", first: "" },
  { name: "handled", sort: "messages_handled", first: "-" },
  { name: "waiting", sort: "messages_waiting", first: "-" },
  { name: "last_event", sort: "last_event_at", first: "-" },
  { name: "open_call", sort: "open_call_since", first: "-" },
  { name: "timer", sort: "next_timer_at", first: "-" },
  { name: "watchers", sort: "subscribers", first: "-" },
  { name: "restarts", sort: "restarts", first: "-" },
  { name: "age", sort: "age_seconds", first: "-" },
];

/** What `sort` may be. */
export const SORTS = COLUMNS.flatMap(({ sort }) => [sort, `-${sort}`]);

/** What a narrow page offers instead of heads to press. */
export function sortChoices() {
  const ways = COLUMNS.map(({ name, sort, first }) => h("option", { value: first + sort }, t(`actors.${name}`)));
  return [h("option", { value: "" }, t("actors.sort_default")), ...ways];
}

/** `sorted(sort)` hears another order, `hrefOf(actor)` leads to the details of an execution's actor. */
export function createActorRows({ sorted, hrefOf }) {
  const heads = COLUMNS.map(createHead);
  const body = h("tbody", { role: "rowgroup" });
  // The roles are named, because a narrow page lays the rows out as cards, and a table that is not laid out as one loses them.
  const element = h("table", { class: "rows actor-rows", role: "table" }, h("caption", { class: "sr-only" }, t("actors.title")),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((head) => head.element))), body);
  let sort = "";
  for (const { column, button } of heads) {
    button.addEventListener("click", () => sorted(following(column, sort)));
  }
  return {
    element,
    /** Puts the focus back where it was before the details of this actor were shown. */
    focus(id) {
      body.querySelector(`[data-key="${CSS.escape(id)}"] .row-link`)?.focus();
    },
    update(actors, filter) {
      sort = filter.sort;
      for (const { column, element: head } of heads) {
        const way = sort === column.sort ? "ascending" : sort === `-${column.sort}` ? "descending" : null;
        setAttribute(head, "aria-sort", way);
      }
      const focused = body.contains(document.activeElement) ? document.activeElement : null;
      reconcile(body, actors, (actor) => actor.id, create, (row, actor) => update(row, actor, hrefOf(actor), filter.actor === actor.id));
      // A row that changes its place takes the focus along.
      if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    },
  };
}

function createHead(column) {
  const button = h("button", { type: "button", class: "sort" }, h("span", {}, t(`actors.${column.name}`)), h("span", { class: "sort-way", "aria-hidden": "true" }));
  return { column, button, element: h("th", { scope: "col", role: "columnheader", class: `cell-${column.name}` }, button) };
}

/** The next order that a press on a column gives: this way, the other way, as at first. */
function following({ sort, first }, now) {
  const other = first === "-" ? "" : "-";
  if (now === first + sort) return other + sort;
  return now === other + sort ? "" : first + sort;
}

function create(actor) {
  const isExecution = actor.kind === "execution";
  const parts = {
    stuck: badge("badge-stuck"), state: badge(), kind: h("span", { class: "row-detail" }, t(`actor.kind.${actor.kind}`)),
    id: isExecution ? h("a", { class: "row-link id" }, actor.id) : h("span", { class: "id" }, actor.id),
  };
  setBadge(parts.stuck, "stuck", t("actor.stuck"));
  const cells = COLUMNS.slice(2).map(({ name }) => [name, h("td", { role: "cell", class: `cell-${name}`, data: { label: t(`actors.${name}`) } })]);
  parts.cells = Object.fromEntries(cells);
  const row = h("tr", { role: "row", class: "row actor-row" },
    h("td", { role: "cell", class: "cell-state" }, parts.stuck, parts.state),
    h("td", { role: "cell", class: "cell-actor" }, parts.id, parts.kind), Object.values(parts.cells));
  row.parts = parts;
  return row;
}

function update(row, actor, href, isShown) {
  const { parts } = row;
  row.classList.toggle("is-stuck", actor.stuck);
  show(parts.stuck, actor.stuck);
  setState(parts.state, actor.state);
  if (href) {
    setAttribute(parts.id, "href", href);
    setAttribute(parts.id, "aria-current", isShown ? "true" : null);
  }
  const { cells } = parts;
  setText(cells.handled, number(actor.messages_handled));
  setText(cells.waiting, actor.messages_waiting > 0 ? number(actor.messages_waiting) : "");
  setText(cells.watchers, actor.subscribers > 0 ? number(actor.subscribers) : "");
  setText(cells.restarts, actor.restarts > 0 ? number(actor.restarts) : "");
  setText(cells.age, duration(actor.age_seconds));
  setAttribute(cells.age, "title", inFull(actor.started_at));
  setSpan(cells.last_event, actor.last_event_at, (seconds) => t("actors.ago", { time: duration(Math.max(0, seconds)) }));
  setSpan(cells.open_call, actor.open_call_since, (seconds) => duration(Math.max(0, seconds)));
  setSpan(cells.timer, actor.next_timer_at, (seconds) => (seconds < 0 ? t("actors.in", { time: duration(-seconds) }) : moment(actor.next_timer_at)));
}

/** A time as how long ago it is, with the time itself for whoever points at it. */
function setSpan(cell, at, words) {
  setText(cell, at ? words(Math.round((serverNow() - Date.parse(at)) / 100) / 10) : "");
  setAttribute(cell, "title", at ? inFull(at) : null);
}
