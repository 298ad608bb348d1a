// The buttons for what an execution's state allows.

import { announce, h, reconcile, setAttribute, setText, show } from "./dom.js";
import { failureWords, field, objectIn, question } from "./dialogs.js";
import { icon } from "./icons.js";
import { t } from "./i18n.js";

/** What may be asked of an execution as it stands, the likeliest first. */
export function allowed(status) {
  switch (status.status) {
    case "running": {
      const next = status.mode === "manual" && status.waiting_for === "next" ? ["next"] : [];
      const pause = status.pause_requested ? ["resume"] : ["pause"];
      return [...next, ...pause, "complete", "cancel"];
    }
    case "paused":
      return ["resume", "complete", "cancel"];
    case "failed":
    case "cancelled":
      return ["retry"];
    default:
      return [];
  }
}

const PRIMARY = new Set(["next", "retry"]);

/** `stepNames()` names the steps that a retry may begin at. */
export function createActions(watch, stepNames) {
  const buttons = h("div", { class: "action-buttons" });
  const failure = h("p", { class: "failure", role: "alert", hidden: true });
  const element = h("div", { class: "actions", role: "group", "aria-label": t("actions.label") }, buttons, failure);
  const busy = new Set();
  let status = null;

  const tell = (words) => {
    setText(failure, words ?? "");
    show(failure, Boolean(words));
  };
  const act = async (action, body) => {
    busy.add(action);
    draw();
    try {
      await watch.act(action, body);
      announce(t(`actions.done.${action}`));
    } finally {
      busy.delete(action);
      draw();
    }
  };
  const now = async (action) => {
    tell(null);
    try {
      await act(action);
    } catch (error) {
      tell(failureWords(error));
    }
  };
  const ask = {
    next: () => now("next"),
    pause: () => now("pause"),
    resume: () => now("resume"),
    cancel: () => {
      const reason = h("input", { type: "text", maxlength: 500, autocomplete: "off" });
      question({
        title: t("cancel.title"), text: t("cancel.text"), words: t("actions.cancel"), isDanger: true,
        fields: [field(t("cancel.reason"), reason)],
        confirm: () => act("cancel", reason.value.trim() ? { reason: reason.value.trim() } : {}),
      });
    },
    complete: () => {
      const data = h("textarea", { rows: 5, spellcheck: "false", class: "mono", placeholder: "{}" });
      question({
        title: t("complete.title"), text: t("complete.text"), words: t("actions.complete"), isDanger: true,
        fields: [field(t("complete.data"), data, t("complete.help"))],
        confirm: async () => act("complete", objectIn(data)),
      });
    },
    retry: () => {
      const options = stepNames().map((name) => h("option", { value: name }, name));
      const step = h("select", {}, h("option", { value: "" }, t("retry.where_it_ended")), options);
      question({
        title: t("retry.title"), text: t("retry.text"), words: t("actions.retry"),
        fields: [field(t("retry.from"), step)],
        confirm: () => act("retry", step.value ? { from_step: step.value } : {}),
      });
    },
  };
  const create = (action) => {
    const kind = action === "cancel" ? "button danger-quiet" : PRIMARY.has(action) ? "button primary" : "button";
    const press = () => {
      if (!busy.has(action)) ask[action]();
    };
    return h("button", { class: kind, type: "button", data: { action }, on: { click: press } },
      icon(action), h("span", {}, t(`actions.${action}`)));
  };
  const draw = () => {
    if (!status) return;
    const wanted = allowed(status);
    // One that waits for its answer stays, though the state is another already.
    const shown = [...wanted, ...[...busy].filter((action) => !wanted.includes(action))];
    reconcile(buttons, shown, (action) => action, create, (button, action) => {
      setAttribute(button, "aria-disabled", busy.has(action) ? "true" : null);
      setAttribute(button, "aria-busy", busy.has(action) ? "true" : null);
    });
    show(element, shown.length > 0 || !failure.hidden);
  };
  return {
    element,
    update(newest) {
      if (status && newest.status !== status.status) tell(null);
      status = newest;
      draw();
    },
  };
}
