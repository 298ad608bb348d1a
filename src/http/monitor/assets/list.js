// The executions, newest first: filtered, a page at a time, and live.

import { get, isUnreachable } from "./api.js";
import { h, setAttribute, setText, show, throttled } from "./dom.js";
import { failureWords } from "./dialogs.js";
import { openFeed } from "./feed.js";
import { icon } from "./icons.js";
import { duration, number, t } from "./i18n.js";
import { createRows } from "./list_rows.js";
import { link } from "./router.js";
import { loadWorkflows } from "./workflows.js";

const PAGE_ROWS = 50;
const REFRESH_MILLISECONDS = 1_500;
const COUNT_MILLISECONDS = 4_000;
const TICK_MILLISECONDS = 1_000;
const STATUSES = ["running", "paused", "completed", "failed", "cancelled"];

export function openList(main, _values, query) {
  let filter = filterOf(query);
  /** The link of the page that is shown; the first has none. Behind it, those that led here. */
  let cursor = null;
  let trail = [];
  let page = null;
  let workflows = [];
  let loading = null;
  const leaving = new AbortController();

  const tabs = h("nav", { class: "tabs", "aria-label": t("list.by_status") });
  const choice = h("select", { id: "list-workflow" }, h("option", { value: "" }, t("list.all_workflows")));
  const wire = h("span", { class: "wire", id: "connection" }, h("span", { class: "wire-icon" }), h("span"));
  const failure = h("p", { class: "failure", role: "alert", hidden: true });
  const rows = createRows({ workflowOf: (id) => workflows.find((one) => one.id === id) });
  const empty = h("div", { class: "empty", hidden: true });
  const place = h("span", { class: "note", id: "list-place", role: "status" });
  const [first, newer, older] = ["first", "newer", "older"].map((name) => h("button", { type: "button", class: "button small", id: `list-${name}` }, t(`list.${name}`)));
  main.append(h("div", { class: "list" },
    h("div", { class: "page-head" }, h("h1", { tabindex: "-1" }, t("list.title")), wire, h("span", { class: "spacer" }),
      h("a", { class: "button primary", href: "#/start" }, icon("start"), t("nav.start"))),
    h("div", { class: "list-filters" }, tabs, h("label", { class: "sr-only", for: "list-workflow" }, t("list.workflow")), choice),
    failure,
    h("div", { class: "card list-card" }, rows.element, empty),
    h("nav", { class: "pager", "aria-label": t("list.pages") }, place, h("span", { class: "spacer" }), first, newer, older)));

  const counts = Object.fromEntries(["", ...STATUSES].map((status) => [status, null]));
  const drawTabs = () => {
    tabs.replaceChildren(...["", ...STATUSES].map((status) => {
      const words = status ? t(`tab.${status}`) : t("tab.all");
      const count = counts[status] === null ? null : h("span", { class: "tab-count" }, number(counts[status]));
      const picture = status ? icon(status) : null;
      return h("a", { class: "tab", href: link("/executions", { status, workflow: filter.workflow }), data: { status: status || "all" },
        "aria-current": status === filter.status ? "true" : null }, picture, words, count);
    }));
  };
  const updateCounts = () => {
    drawTabs.focused = tabs.contains(document.activeElement) ? document.activeElement.dataset.status : null;
    drawTabs();
    if (drawTabs.focused) tabs.querySelector(`[data-status="${drawTabs.focused}"]`)?.focus();
  };
  const count = async () => {
    if (document.hidden) return;
    try {
      for (const status of ["", ...STATUSES]) {
        const asked = queryOf({ limit: "1", status, workflow_id: filter.workflow });
        const answer = await get(`/executions?${asked}`, { signal: leaving.signal });
        counts[status] = answer.pagination.total;
      }
      updateCounts();
    } catch {
      // The list itself says so where the server is away.
    }
  };
  const countSoon = throttled(COUNT_MILLISECONDS, count);

  const load = async ({ isQuiet = false } = {}) => {
    loading?.abort();
    const mine = new AbortController();
    loading = mine;
    const path = cursor ?? `/executions?${queryOf({ limit: String(PAGE_ROWS), status: filter.status, workflow_id: filter.workflow })}`;
    if (!isQuiet) rows.element.setAttribute("aria-busy", "true");
    try {
      page = await get(path, { signal: mine.signal });
      rows.replace(page.executions);
      show(failure, false);
      draw();
    } catch (error) {
      if (mine.signal.aborted) return;
      setText(failure, isUnreachable(error) ? t("failure.unreachable_trying") : failureWords(error));
      show(failure, true);
    }
    rows.element.removeAttribute("aria-busy");
  };
  const reload = throttled(REFRESH_MILLISECONDS, () => load({ isQuiet: true }));

  const draw = () => {
    const { total, offset } = page.pagination;
    const shown = rows.count();
    setText(place, shown === 0 ? "" : t("list.place", { from: number(offset + 1), to: number(offset + shown), total: number(Math.max(total, offset + shown)) }));
    for (const [button, isOff] of [[first, cursor === null], [newer, cursor === null], [older, !page.links.next]]) {
      setAttribute(button, "aria-disabled", isOff ? "true" : null);
    }
    for (const button of [first, newer, older]) show(button, cursor !== null || page.links.next !== null);
    show(empty, shown === 0);
    if (shown === 0 && empty.childElementCount === 0) fillEmpty();
    show(rows.element, shown > 0);
  };
  const fillEmpty = () => {
    const isFiltered = filter.status || filter.workflow;
    empty.replaceChildren(h("p", {}, t(isFiltered ? "list.nothing_filtered" : "list.nothing")),
      isFiltered ? h("a", { class: "button", href: "#/executions" }, t("list.show_all")) : h("a", { class: "button primary", href: "#/start" }, t("nav.start")));
  };

  const turn = (change) => {
    change();
    load();
    rows.focus();
  };
  const on = (button, change) => button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") turn(change);
  });
  on(older, () => {
    trail.push(cursor);
    cursor = page.links.next;
  });
  on(newer, () => {
    cursor = trail.pop() ?? null;
  });
  on(first, () => {
    trail = [];
    cursor = null;
  });
  choice.addEventListener("change", () => {
    location.hash = link("/executions", { status: filter.status, workflow: choice.value });
  });

  const began = async () => {
    try {
      workflows = await loadWorkflows(leaving.signal);
    } catch {
      return;
    }
    choice.append(...workflows.map((one) => h("option", { value: one.id }, one.name)));
    if (filter.workflow && !workflows.some((one) => one.id === filter.workflow)) {
      choice.append(h("option", { value: filter.workflow }, t("list.deleted_workflow")));
    }
    choice.value = filter.workflow;
    rows.redraw();
  };

  const fits = (event) => cursor === null && !["paused", "completed", "failed", "cancelled"].includes(filter.status)
    && (!filter.workflow || filter.workflow === event.workflow_id);
  const closeFeed = openFeed({
    event(event) {
      if (event.event === "workflow_started" && fits(event) && page) {
        rows.insert(event, PAGE_ROWS);
        page.pagination.total += 1;
        draw();
      } else {
        rows.apply(event);
      }
      // What an event does not tell, such as the name of a document; and what no longer fits the filter.
      if (cursor === null) reload();
      countSoon();
    },
    again() {
      reload();
      countSoon();
    },
    connection({ phase, way, seconds }) {
      wire.dataset.phase = phase;
      wire.dataset.way = way ?? "";
      wire.firstElementChild.replaceChildren(icon(phase === "waiting" ? "offline" : "live"));
      const words = { connecting: "wire.connecting", live: way === "poll" ? "wire.list_poll" : `wire.${way}`, waiting: "wire.waiting" };
      setText(wire.lastElementChild, t(words[phase] ?? "wire.connecting", { time: duration(Math.ceil(seconds ?? 0)) }));
    },
  });

  const tick = setInterval(() => rows.tick(), TICK_MILLISECONDS);
  drawTabs();
  load();
  began();
  count();
  return {
    title: t("list.title"),
    change(changed) {
      filter = filterOf(changed);
      trail = [];
      cursor = null;
      empty.replaceChildren();
      choice.value = filter.workflow;
      updateCounts();
      load();
      count();
    },
    leave() {
      leaving.abort();
      loading?.abort();
      closeFeed();
      reload.cancel();
      countSoon.cancel();
      clearInterval(tick);
    },
  };
}

function filterOf(query) {
  const status = query.get("status") ?? "";
  return { status: STATUSES.includes(status) ? status : "", workflow: query.get("workflow") ?? "" };
}

function queryOf(values) {
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
}
