// Signs for how things stand: a picture and a word, in a colour. The colour is never the only sign.

import { h, setAttribute, setText } from "./dom.js";
import { icon } from "./icons.js";
import { t, tOr } from "./i18n.js";

/** A badge that `setBadge` fills. */
export function badge(kind = "") {
  return h("span", { class: `badge ${kind}` }, h("span", { class: "badge-icon" }), h("span", { class: "badge-word" }));
}

export function setBadge(element, state, words = t(`state.${state}`)) {
  const [picture, word] = element.children;
  setText(word, words);
  if (element.dataset.state === state) return;
  element.dataset.state = state;
  picture.replaceChildren(icon(state));
}

/** A bar that `setBar` fills; `label` is read to those who do not see it. */
export function bar(label, kind = "") {
  const fill = h("div", { class: "bar-fill" });
  return h("div", { class: `bar ${kind}`, role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 }, fill);
}

/** `value` is 0 to 100, or null where nobody knows. */
export function setBar(element, state, value, words) {
  element.dataset.state = state;
  element.classList.toggle("bar-unknown", value === null);
  setAttribute(element, "aria-valuenow", value === null ? null : Math.floor(value));
  setAttribute(element, "aria-valuetext", words);
  element.firstElementChild.style.inlineSize = value === null ? "" : `${Math.min(100, Math.max(0, value))}%`;
}

/** How an execution stands, in one word of ours: what it waits for tells more than that it runs. */
export function stateOf(status) {
  if (status.status !== "running") return status.status;
  if (status.waiting_for === "next") return "next";
  if (status.waiting_for === "callback") return "waiting";
  if (status.waiting_for === "retry") return "retrying";
  return "running";
}

/** An error, in one sentence with its type. */
export function errorWords(error) {
  if (!error) return "";
  const kind = tOr(`error.${error.type}`, error.type ?? "");
  const status = error.status ? ` (HTTP ${error.status})` : "";
  return `${kind}${status}: ${error.message ?? ""}`;
}
