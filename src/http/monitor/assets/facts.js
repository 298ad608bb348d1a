// The head of an execution: its state, how far it is, what it is, and how we hear of it.

import { serverNow } from "./api.js";
import { announce, h, setAttribute, setText, show } from "./dom.js";
import { icon } from "./icons.js";
import { duration, inFull, moment, number, percent, t } from "./i18n.js";
import { link } from "./router.js";
import { badge, bar, errorWords, setBadge, setBar, stateOf } from "./status.js";

const COPIED_MILLISECONDS = 2_000;

export function createFacts(id, first) {
  const state = badge("badge-large");
  const custom = h("span", { class: "custom-status", hidden: true });
  const wire = h("span", { class: "wire", id: "connection" }, h("span", { class: "wire-icon" }), h("span"));
  const progress = bar(t("facts.progress"), "bar-large");
  const value = h("span", { class: "overall-value" });
  const done = h("span", { class: "overall-done" });
  const rest = h("span", { class: "overall-rest" });
  const now = h("p", { class: "overall-now" });
  const error = h("p", { class: "failure", hidden: true });
  const values = Object.fromEntries(["document", "mode", "started", "took", "version"].map((name) => [name, h("dd")]));
  const pairs = Object.entries(values).map(([name, place]) => h("div", { data: { fact: name } }, h("dt", {}, t(`facts.${name}`)), place));
  const element = h("section", { class: "card facts", "aria-label": t("facts.label") },
    h("div", { class: "facts-head" }, state, custom, h("span", { class: "spacer" }), wire),
    h("div", { class: "overall" }, h("div", { class: "overall-line" }, value, done, rest), progress, now),
    error,
    h("dl", { class: "facts-list" }, pairs,
      h("div", {}, h("dt", {}, t("facts.id")), h("dd", {}, h("code", { class: "id" }, id))),
      h("div", { class: "facts-links" }, copyButton(), h("a", { class: "button small", href: link("/start", { workflow: first.workflow_id }) }, icon("start"), t("facts.again")))));
  let wasAway = false;
  return {
    element,
    update(status) {
      const current = stateOf(status);
      setBadge(state, current);
      show(custom, Boolean(status.custom_status));
      setText(custom, status.custom_status);
      const done_ = status.progress;
      const overall = done_.overall_percentage ?? done_.percentage;
      setBar(progress, current, overall, t("facts.overall_words", { value: percent(overall), done: done_.completed_steps, total: done_.total_steps }));
      setText(value, percent(overall));
      setText(done, t("facts.done", { done: number(done_.completed_steps), total: number(done_.total_steps) }));
      const remaining = done_.is_running ? done_.estimated_remaining_seconds : null;
      setText(rest, Number.isFinite(remaining) ? t("steps.remaining", { time: duration(remaining) }) : "");
      setText(now, nowWords(status));
      show(now, now.textContent !== "");
      show(error, Boolean(status.error) && status.status !== "running");
      setText(error, errorWords(status.error));
      const name = status.context?.nombre_documento ?? status.context?.dynamic_properties?.nombre_documento;
      show(values.document.parentElement, typeof name === "string");
      setText(values.document, typeof name === "string" ? name : "");
      setText(values.mode, t(`mode.${status.mode}`));
      setText(values.started, moment(status.created_at));
      setAttribute(values.started, "title", inFull(status.created_at));
      const end = status.finished_at ? Date.parse(status.finished_at) : serverNow();
      setText(values.took, duration(Math.max(0, (end - Date.parse(status.created_at)) / 1000)));
      setText(values.version, number(status.workflow_version));
    },
    connection({ phase, way, seconds }) {
      const words = {
        connecting: () => t("wire.connecting"),
        live: () => t(`wire.${way}`),
        waiting: () => t("wire.waiting", { time: duration(Math.ceil(seconds)) }),
        ended: () => t("wire.ended"),
      }[phase]();
      wire.dataset.phase = phase;
      wire.dataset.way = way ?? "";
      wire.firstElementChild.replaceChildren(icon(phase === "waiting" ? "offline" : phase === "ended" ? "complete" : "live"));
      setText(wire.lastElementChild, words);
      if (phase === "waiting" && !wasAway) announce(t("wire.lost"));
      if (phase === "live" && wasAway) announce(t("wire.back"));
      if (phase === "waiting" || phase === "live") wasAway = phase === "waiting";
    },
  };
}

/** Which step it is at, and what that said last. */
function nowWords(status) {
  if (status.pause_requested) return t("facts.pausing", { step: status.current_step?.name ?? "" });
  if (status.status !== "running" || !status.current_step) return "";
  const running = status.steps_history.findLast((entry) => entry.status === "running");
  return [status.current_step.name, running?.progress?.message].filter(Boolean).join(" · ");
}

/** Copies the address of this very page, so that somebody else can watch too. */
function copyButton() {
  const words = h("span", {}, t("facts.copy"));
  const button = h("button", { type: "button", class: "button small", id: "copy-link" }, icon("copy"), words);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      setText(words, t("facts.copied"));
      announce(t("facts.copied"));
    } catch {
      // Not every page may write there: then the address can be copied by hand.
      window.prompt(t("facts.copy"), location.href);
    }
    setTimeout(() => setText(words, t("facts.copy")), COPIED_MILLISECONDS);
  });
  return button;
}
