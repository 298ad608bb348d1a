// The live actors and how it goes in all, for operators: numbers, a table, and what one of them does.

import { createDetail } from "./actors_detail.js";
import { openActorsFeed } from "./actors_feed.js";
import { STATES, createNumbers } from "./actors_numbers.js";
import { SORTS, createActorRows, sortChoices } from "./actors_rows.js";
import { announce, h, setText, show } from "./dom.js";
import { icon } from "./icons.js";
import { duration, number, t, tn } from "./i18n.js";
import { link } from "./router.js";

const KINDS = ["", "execution", "session", "registry"];
const LIST_ACTORS = 100;
const LIST_ACTORS_MAX = 2_000;

export function openActors(main, _values, query) {
  let filter = filterOf(query);
  let limit = LIST_ACTORS;
  let newest = null;
  let detail = null;
  let stuck = null;

  const numbers = createNumbers();
  const rows = createActorRows({
    sorted: (sort) => go({ sort }),
    hrefOf: (actor) => (actor.kind === "execution" ? link("/actors", { ...filter, actor: actor.id }) : null),
  });
  const wire = h("span", { class: "wire", id: "connection" }, h("span", { class: "wire-icon" }), h("span"));
  const fallback = h("p", { class: "note", id: "actors-fallback", hidden: true }, t("actors.fallback"));
  const failure = h("p", { class: "failure", role: "alert", hidden: true });
  const tabs = h("nav", { class: "tabs", "aria-label": t("actors.by_kind") });
  const states = h("select", { id: "actors-state" }, h("option", { value: "" }, t("actors.all_states")), STATES.map((state) => h("option", { value: state }, t(`actor.state.${state}`))));
  const sorts = h("select", { id: "actors-sort" }, sortChoices());
  const onlyStuck = h("input", { type: "checkbox", id: "actors-stuck" });
  const empty = h("p", { class: "empty", hidden: true }, t("actors.nothing"));
  const place = h("span", { class: "note", id: "actors-place" });
  const more = h("button", { type: "button", class: "button small", id: "actors-more", hidden: true }, t("actors.more"));
  const aside = h("div", { class: "actors-aside", hidden: true });
  main.append(h("div", { class: "actors" },
    h("div", { class: "page-head" }, h("h1", { tabindex: "-1" }, t("actors.title")), wire),
    fallback, failure, numbers.element,
    h("div", { class: "list-filters" }, tabs, h("span", { class: "spacer" }),
      h("label", { class: "check" }, onlyStuck, t("actors.only_stuck")),
      h("label", { class: "sr-only", for: "actors-state" }, t("actors.state")), states,
      h("label", { class: "sr-only", for: "actors-sort" }, t("actors.sort")), sorts),
    h("div", { class: "actors-columns" }, aside,
      h("div", { class: "actors-list" }, h("div", { class: "card list-card" }, h("div", { class: "scroll-x" }, rows.element), empty),
        h("div", { class: "pager" }, place, h("span", { class: "spacer" }), more)))));

  /** Changes the address, which changes the page. */
  const go = (changes) => {
    location.hash = link("/actors", { ...filter, ...changes });
  };
  const drawFilter = () => {
    const focused = tabs.contains(document.activeElement) ? document.activeElement.dataset.kind : null;
    tabs.replaceChildren(...KINDS.map((kind) => h("a", { class: "tab", href: link("/actors", { ...filter, kind, state: "" }), data: { kind: kind || "all" },
      "aria-current": kind === filter.kind ? "true" : null }, t(`actors.kind.${kind || "all"}`))));
    if (focused) tabs.querySelector(`[data-kind="${focused}"]`)?.focus();
    states.value = filter.state;
    onlyStuck.checked = filter.stuck !== "";
    sorts.value = [...sorts.options].some((one) => one.value === filter.sort) ? filter.sort : "";
  };
  const draw = () => {
    if (!newest) return;
    const { actors, total } = newest;
    rows.update(actors, filter);
    show(rows.element, actors.length > 0);
    show(empty, actors.length === 0);
    setText(place, actors.length < total ? t("actors.place", { shown: number(actors.length), total: number(total) }) : tn("actors.count", total));
    show(more, actors.length < total && limit < LIST_ACTORS_MAX);
    if (detail && actors.some((actor) => actor.id === filter.actor)) detail.seen();
  };
  const drawDetail = (isFirst = false) => {
    if (detail?.id === filter.actor) return;
    detail?.leave();
    detail = null;
    if (filter.actor) {
      detail = { id: filter.actor, ...createDetail(filter.actor, closeDetail) };
      aside.replaceChildren(detail.element);
    }
    show(aside, detail !== null);
    if (detail && !isFirst) detail.focus();
  };
  const closeDetail = () => {
    const { actor } = filter;
    go({ actor: "" });
    // The address changes the page a moment later; the row is there all the time.
    rows.focus(actor);
  };
  const wanted = () => ({ kind: filter.kind, state: filter.state, stuck: filter.stuck, sort: filter.sort, limit });

  const feed = openActorsFeed(wanted(), {
    stats(body) {
      numbers.update(body);
      show(failure, false);
      if (stuck !== null && body.stuck > stuck) announce(tn("actors.stuck_now", body.stuck));
      stuck = body.stuck;
    },
    actors(body) {
      newest = body;
      draw();
    },
    refused(words) {
      setText(failure, words);
      show(failure, true);
    },
    connection({ phase, way, seconds }) {
      wire.dataset.phase = phase;
      wire.dataset.way = way ?? "";
      wire.firstElementChild.replaceChildren(icon(phase === "waiting" ? "offline" : "live"));
      const words = { connecting: "wire.connecting", live: way === "poll" ? "wire.actors_poll" : `wire.${way}`, waiting: "wire.waiting" };
      setText(wire.lastElementChild, t(words[phase] ?? "wire.connecting", { time: duration(Math.ceil(seconds ?? 0)) }));
      show(fallback, way === "poll");
    },
  });

  states.addEventListener("change", () => go({ state: states.value }));
  sorts.addEventListener("change", () => go({ sort: sorts.value }));
  onlyStuck.addEventListener("change", () => go({ stuck: onlyStuck.checked ? "true" : "" }));
  more.addEventListener("click", () => {
    limit = Math.min(limit * 2, LIST_ACTORS_MAX);
    feed.watch(wanted());
  });
  drawFilter();
  drawDetail(true);
  return {
    title: t("actors.title"),
    change(changed) {
      filter = filterOf(changed);
      drawFilter();
      drawDetail();
      draw();
      feed.watch(wanted());
    },
    leave() {
      feed.close();
      detail?.leave();
    },
  };
}

/** What the address asks for; what it cannot be counts as missing. */
function filterOf(query) {
  const one = (name, known) => (known.includes(query.get(name)) ? query.get(name) : "");
  return {
    kind: one("kind", KINDS), state: one("state", STATES), stuck: one("stuck", ["true"]), sort: one("sort", SORTS),
    actor: query.get("actor") ?? "",
  };
}
