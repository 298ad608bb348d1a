// What one actor does: its call, its messages, why it is not moving; and what an operator may have it do.

import { Refused, get, post } from "./api.js";
import { setState } from "./actors_numbers.js";
import { announce, h, reconcile, setText, show } from "./dom.js";
import { failureWords, question } from "./dialogs.js";
import { icon } from "./icons.js";
import { duration, exactly, inFull, moment, number, t } from "./i18n.js";
import { link } from "./router.js";
import { badge, setBadge } from "./status.js";
import { setWhy } from "./why_words.js";

const LOOK_MILLISECONDS = 2_000;
const FACTS = ["call", "heard", "started", "handled", "waiting", "unwritten", "restarts", "watchers", "arbiter"];

/** `closed()` hears that somebody wants to see the list alone again. */
export function createDetail(id, closed) {
  const path = `/admin/actors/${encodeURIComponent(id)}`;
  const leaving = new AbortController();
  let timer = null;
  let isGone = false;
  const state = badge();
  const stuck = badge("badge-stuck");
  setBadge(stuck, "stuck", t("actor.stuck"));
  const head = h("h2", { tabindex: "-1" }, t("detail.title"));
  const why = h("p", { class: "why-words" });
  const whyPart = h("div", { class: "why", hidden: true, role: "group", "aria-label": t("why.label") }, icon("info"), why);
  const values = Object.fromEntries(FACTS.map((name) => [name, h("dd")]));
  const facts = h("dl", { class: "detail-facts" }, FACTS.map((name) => h("div", {}, h("dt", {}, t(`detail.${name}`)), values[name])));
  const handled = h("tbody");
  const table = h("table", { class: "handlers detail-messages" }, h("caption", {}, t("detail.messages")),
    h("thead", {}, h("tr", {}, ["message", "at", "took"].map((name) => h("th", { scope: "col" }, t(`detail.${name}`))))), handled);
  const silent = h("p", { class: "note", hidden: true }, t("detail.silent"));
  const failure = h("p", { class: "failure", role: "alert", hidden: true });
  const done = h("p", { class: "done", role: "status", hidden: true });
  const buttons = h("div", { class: "action-buttons", role: "group", "aria-label": t("actions.label") }, ["restart", "passivate"].map((action) =>
    h("button", { class: "button", type: "button", data: { action }, on: { click: () => ask(action) } },
      icon(action === "restart" ? "retry" : action), h("span", {}, t(`detail.${action}`)))));
  const live = h("div", { class: "detail-live", hidden: true }, buttons, whyPart, facts, silent, table);
  const close = h("button", { class: "button small", type: "button", "aria-label": t("detail.close"), title: t("detail.close"), on: { click: closed } }, icon("cancel"));
  const element = h("section", { class: "card detail", "aria-label": t("detail.title") },
    h("div", { class: "detail-head" }, head, close),
    h("div", { class: "detail-signs" }, stuck, state), h("p", {}, h("code", { class: "id" }, id)),
    h("p", {}, h("a", { href: link(`/executions/${encodeURIComponent(id)}`) }, t("detail.execution"))),
    done, failure, live);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closed();
  });
  for (const sign of [state, stuck]) show(sign, false);

  const say = (place, words) => {
    setText(place, words);
    show(place, words !== "");
  };
  const ask = (action) => question({
    title: t(`detail.${action}.title`), text: t(`detail.${action}.text`), words: t(`detail.${action}`), isDanger: action === "restart",
    confirm: async () => {
      say(done, "");
      await post(`${path}/${action}`, {}, { signal: leaving.signal });
      say(done, t(`detail.${action}.done`));
      announce(t(`detail.${action}.done`));
      look();
    },
  });

  const draw = (actor) => {
    show(live, true);
    show(state, true);
    show(stuck, actor.stuck);
    setState(state, actor.state);
    show(silent, !actor.answered);
    const { call } = actor;
    setText(values.call, call ? t(`detail.call.${call.phase}`, { time: moment(call.since) }) : t("detail.no_call"));
    setText(values.heard, call ? moment(call.heard_at) : "–");
    setText(values.started, moment(actor.started_at));
    values.started.title = inFull(actor.started_at);
    setText(values.handled, number(actor.messages_handled));
    setText(values.waiting, number(actor.messages_waiting));
    setText(values.unwritten, actor.unwritten_since ? t("detail.unwritten_since", { count: number(actor.unwritten), time: moment(actor.unwritten_since) }) : number(actor.unwritten));
    setText(values.restarts, number(actor.restarts));
    setText(values.watchers, number(actor.subscribers));
    setText(values.arbiter, actor.arbiter === null ? "–" : number(actor.arbiter));
    reconcile(handled, [...actor.recent_messages.entries()], ([place]) => place, () => h("tr", {}, h("th", { scope: "row" }, h("code")), h("td"), h("td")), (row, [, one]) => {
      const [name, at, took] = row.children;
      setText(name.firstElementChild, one.message);
      setText(at, exactly(one.at));
      setText(took, one.duration_ms < 1 ? t("detail.microseconds", { count: number(Math.round(one.duration_ms * 1000)) }) : duration(one.duration_ms / 1000));
    });
  };
  const look = async () => {
    clearTimeout(timer);
    isGone = false;
    try {
      if (!document.hidden) {
        draw(await get(path, { signal: leaving.signal }));
        say(failure, "");
        const answer = await get(`/executions/${encodeURIComponent(id)}/why`, { signal: leaving.signal });
        setWhy(why, answer);
        show(whyPart, Boolean(answer.explanation));
      }
    } catch (error) {
      if (leaving.signal.aborted) return;
      isGone = error instanceof Refused && error.status === 404;
      say(failure, isGone ? (done.hidden ? t("detail.gone") : "") : failureWords(error));
      if (isGone) {
        // It is not asked for again: each question would be answered the same until something wakes it.
        for (const part of [live, state, stuck]) show(part, false);
        return;
      }
    }
    timer = setTimeout(look, LOOK_MILLISECONDS);
  };
  look();
  return {
    element,
    focus: () => head.focus(),
    /** The list shows it: it lives, maybe again. */
    seen() {
      if (isGone) look();
    },
    leave() {
      leaving.abort();
      clearTimeout(timer);
    },
  };
}
