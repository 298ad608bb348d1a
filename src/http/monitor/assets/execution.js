// One execution: how it stands, what moves it, and all that happened to it.

import { get, isUnreachable } from "./api.js";
import { createActions } from "./actions.js";
import { announce, h, setText, show, throttled } from "./dom.js";
import { failureWords } from "./dialogs.js";
import { createFacts } from "./facts.js";
import { t } from "./i18n.js";
import { createLog } from "./log.js";
import { setTitle } from "./router.js";
import { stateOf } from "./status.js";
import { createSteps } from "./steps.js";
import { createTimeline } from "./timeline.js";
import { tree } from "./tree.js";
import { Watch, isEnded } from "./watch.js";
import { createWhy } from "./why.js";

const TICK_MILLISECONDS = 1_000;
const DRAW_MILLISECONDS = 60;
const TRY_AGAIN_MILLISECONDS = 3_000;

export function openExecution(main, { id }) {
  const head = h("h1", { tabindex: "-1" }, t("execution.title"));
  const loading = h("p", { class: "note", role: "status" }, t("loading"));
  const page = h("div", { class: "execution" }, h("a", { class: "back", href: "#/executions" }, t("execution.back")), head, loading);
  main.append(page);

  let parts = null;
  let definition = null;
  let trying = null;
  let told = null;
  let drawnAt = Date.now();
  const leaving = new AbortController();

  const draw = () => {
    const { status } = watch;
    if (!status) return;
    drawnAt = Date.now();
    parts ??= assemble(status);
    setText(head, status.workflow_name);
    setTitle(`${t(`state.${stateOf(status)}`)} · ${status.workflow_name}`);
    parts.facts.update(status);
    parts.actions.update(status);
    parts.why.update(status);
    parts.steps.update(status, definition, 0);
    parts.timeline.update(status, definition);
    parts.context.update(status);
    tellChange(status);
  };
  const drawSoon = throttled(DRAW_MILLISECONDS, draw);

  /** What a listener has to know: another state, another step; not each report. */
  const tellChange = (status) => {
    const now = `${stateOf(status)} ${status.current_step?.name ?? ""}`;
    if (told !== null && told !== now) {
      const step = isEnded(status) ? "" : (status.current_step?.name ?? "");
      announce([status.workflow_name, t(`state.${stateOf(status)}`), step].filter(Boolean).join(", "));
    }
    told = now;
  };

  const assemble = (status) => {
    loading.remove();
    loadDefinition(status.workflow_id);
    const facts = createFacts(id, status);
    const why = createWhy(id);
    const steps = createSteps();
    const timeline = createTimeline();
    const context = createContext();
    const log = createLog(watch);
    const actions = createActions(watch, () => stepNames());
    page.append(facts.element, actions.element, why.element,
      h("div", { class: "columns" }, h("div", { class: "column" }, steps.element, timeline.element), h("div", { class: "column" }, log.element, context.element)));
    facts.connection(watch.connection);
    return { facts, why, steps, timeline, context, log, actions };
  };
  const stepNames = () => {
    const known = definition?.version === watch.status.workflow_version ? definition.steps.map((step) => step.name) : [];
    return [...new Set([...known, ...watch.status.steps_history.map((entry) => entry.step_name)])];
  };
  const loadDefinition = async (workflow) => {
    try {
      definition = await get(`/workflows/${workflow}`, { signal: leaving.signal });
      drawSoon();
    } catch {
      // Deleted: then only the steps that were entered are known.
    }
  };

  const failed = (error) => {
    if (isUnreachable(error) && !parts) {
      setText(loading, t("failure.unreachable_trying"));
      trying = setTimeout(() => watch.begin(), TRY_AGAIN_MILLISECONDS);
      return;
    }
    if (parts) return;
    setText(head, error.status === 404 ? t("execution.unknown") : t("execution.failed"));
    setText(loading, error.status === 404 ? t("execution.unknown_text") : failureWords(error));
    setTitle(head.textContent);
  };

  const watch = new Watch(id, {
    changed: drawSoon,
    event: (event) => {
      parts ?? draw();
      parts.log.add(event);
    },
    connection: (state) => {
      parts ?? draw();
      parts.facts.connection(state);
    },
    failed,
  });
  watch.begin();

  // Times go on while nothing happens.
  const tick = setInterval(() => {
    const { status } = watch;
    if (!parts || !status || isEnded(status) || document.hidden) return;
    parts.facts.update(status);
    parts.why.update(status);
    parts.steps.update(status, definition, (Date.now() - drawnAt) / 1000);
    if (status.status === "running") parts.timeline.update(status, definition);
  }, TICK_MILLISECONDS);

  return {
    title: t("execution.title"),
    leave() {
      leaving.abort();
      watch.leave();
      drawSoon.cancel();
      clearInterval(tick);
      clearTimeout(trying);
      parts?.why.leave();
      parts?.timeline.leave();
      parts?.log.leave();
    },
  };
}

/** The context as a tree; while somebody reads it, it is left alone and offers to be renewed. */
function createContext() {
  const place = h("div", { class: "scroll-x" });
  const renew = h("button", { type: "button", class: "button small", hidden: true }, t("context.renew"));
  const element = h("section", { class: "card", "aria-labelledby": "context-title" },
    h("div", { class: "card-head" }, h("h2", { id: "context-title" }, t("context.title")), renew), place);
  let shown = "";
  let newest = {};
  const draw = () => {
    shown = JSON.stringify(newest);
    place.replaceChildren(tree(newest));
    show(renew, false);
  };
  renew.addEventListener("click", draw);
  return {
    element,
    update(status) {
      const properties = Object.keys(status.additional_data ?? {}).length > 0 ? { additional_data: status.additional_data } : {};
      newest = { ...status.context, ...properties };
      if (JSON.stringify(newest) === shown) return;
      const isRead = place.querySelector("details[open]") !== null || place.contains(document.activeElement);
      if (isRead) show(renew, true);
      else draw();
    },
  };
}
