// How it goes in all, in numbers: the actors by how they stand, messages, what is written, calls to the worker, sessions.

import { h, reconcile, setAttribute, setText } from "./dom.js";
import { icon } from "./icons.js";
import { duration, number, short, t, tOr } from "./i18n.js";
import { link } from "./router.js";
import { badge, setBadge } from "./status.js";

/** What each state of an actor is drawn in, after the states of executions. */
const DRAWN_AS = {
  calling: "running", waiting_for_callback: "waiting", waiting_for_retry: "retrying", waiting_for_next: "next", paused: "paused",
  completed: "completed", failed: "failed", cancelled: "cancelled", starting: "pending", running: "completed", open: "live", closing: "pending",
};

/** The states that a list can be filtered by. */
export const STATES = Object.keys(DRAWN_AS);

/** Draws the state of an actor. */
export function setState(element, state) {
  setBadge(element, DRAWN_AS[state] ?? "pending", tOr(`actor.state.${state}`, state));
}

export function createNumbers() {
  const names = ["stuck", "live", "messages", "journal", "calls", "sessions"];
  const tiles = Object.fromEntries(names.map((name) => [name, tile(name)]));
  const states = h("ul", { class: "state-counts" });
  const noStates = h("p", { class: "note" }, t("numbers.no_actors"));
  const worker = h("div", { class: "worker-state" });
  const sign = badge("badge-quiet");
  const address = h("code", { class: "id" });
  worker.append(address, sign);
  const handlers = h("tbody");
  const table = h("table", { class: "handlers" }, h("caption", { class: "sr-only" }, t("numbers.handlers")),
    h("thead", {}, h("tr", {}, ["handler", "open", "waiting"].map((name) => h("th", { scope: "col" }, t(`numbers.${name}`))))), handlers);
  const noCalls = h("p", { class: "note" }, t("numbers.no_calls"));
  const element = h("section", { class: "numbers", "aria-label": t("numbers.label") },
    h("dl", { class: "tiles" }, names.map((name) => tiles[name].element)),
    h("div", { class: "numbers-more" },
      h("div", { class: "card" }, h("h2", {}, t("numbers.states")), states, noStates),
      h("div", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, t("numbers.handlers"))), worker, table, noCalls)));
  return {
    element,
    update(stats) {
      const live = Object.values(stats.actors).reduce((sum, count) => sum + count, 0);
      const [{ url, open, waiting, refuses_for_seconds: refuses, handlers: calls }] = stats.calls.workers;
      tiles.stuck.set(number(stats.stuck), stats.stuck > 0 ? t("numbers.stuck_some") : t("numbers.stuck_none"), stats.stuck > 0 ? "stuck" : "completed");
      tiles.live.set(number(live), t("numbers.live_note", { timers: number(stats.timers_soon) }));
      tiles.messages.set(short(stats.messages.per_second), t("numbers.messages_note", { count: number(stats.messages.handled) }));
      tiles.journal.set(number(stats.journal.queue), t("numbers.journal_note", {
        last: number(stats.journal.batch_size_last), mean: short(stats.journal.batch_size_mean), time: duration(stats.journal.batch_ms_mean / 1000) }));
      tiles.calls.set(number(open), t("numbers.calls_note", { count: number(waiting) }));
      const { websockets, event_streams, events_sent, dropped } = stats.sessions;
      tiles.sessions.set(number(websockets + event_streams), t("numbers.sessions_note", { sent: number(events_sent), dropped: number(dropped) }));
      drawStates(states, stats.actors);
      noStates.hidden = live > 0;
      setText(address, url);
      const isRefusing = refuses !== null;
      setBadge(sign, isRefusing ? "failed" : "completed", isRefusing ? t("numbers.refuses", { time: duration(refuses) }) : t("numbers.accepts"));
      const named = Object.entries(calls).sort(([a], [b]) => a.localeCompare(b));
      table.hidden = named.length === 0;
      noCalls.hidden = named.length > 0;
      reconcile(handlers, named, ([name]) => name, createHandler, updateHandler);
    },
  };
}

function tile(name) {
  const picture = h("span", { class: "tile-icon" });
  const value = h("dd", { class: "tile-value" });
  const note = h("dd", { class: "tile-note" });
  const element = h("div", { class: "tile", data: { tile: name } }, h("dt", {}, picture, t(`numbers.${name}`)), value, note);
  return {
    element,
    set(words, small, state = null) {
      setText(value, words);
      setText(note, small);
      if (state === null || element.dataset.state === state) return;
      element.dataset.state = state;
      picture.replaceChildren(icon(state));
    },
  };
}

function drawStates(list, counts) {
  const known = Object.entries(counts).sort(([a], [b]) => STATES.indexOf(a) - STATES.indexOf(b));
  reconcile(list, known, ([state]) => state, ([state]) => {
    const anchor = h("a", { class: "state-count", href: link("/actors", { kind: "execution", state }) }, badge(), h("span", { class: "tab-count" }));
    return h("li", {}, anchor);
  }, (item, [state, count]) => {
    const [sign, many] = item.firstElementChild.children;
    setState(sign, state);
    setText(many, number(count));
  });
}

function createHandler([name]) {
  return h("tr", {}, h("th", { scope: "row" }, h("code", {}, name)), h("td"), h("td"));
}

function updateHandler(row, [, { open, waiting }]) {
  const [, opened, queued] = row.children;
  setText(opened, number(open));
  setText(queued, number(waiting));
  setAttribute(queued, "data-some", waiting > 0 ? "true" : null);
}
