// Questions that have to be answered before something is done.

import { isUnreachable } from "./api.js";
import { h, setText, show } from "./dom.js";
import { t } from "./i18n.js";

/** What a person is told about a request that failed: the server's own sentence, where it gave one. */
export function failureWords(error) {
  return isUnreachable(error) ? t("failure.unreachable") : error.message;
}

/**
 * Asks in a dialog. `confirm()` does what was asked for; where it throws, the dialog says why and stays. An `Error` with the
 * `field` of an input puts the focus there.
 */
export function question({ title, text, fields = [], words, isDanger = false, confirm }) {
  const failure = h("p", { class: "failure", role: "alert", hidden: true });
  const yes = h("button", { class: isDanger ? "button danger" : "button primary", type: "submit" }, words);
  const no = h("button", { class: "button", type: "button" }, t("dialog.back"));
  const form = h("form", { method: "dialog", novalidate: true },
    h("h2", { id: "dialog-title" }, title), text ? h("p", {}, text) : null, fields, failure,
    h("div", { class: "dialog-buttons" }, no, yes));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" }, form);
  no.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (yes.getAttribute("aria-disabled") === "true") return;
    yes.setAttribute("aria-disabled", "true");
    show(failure, false);
    try {
      await confirm();
      dialog.close();
    } catch (error) {
      setText(failure, failureWords(error));
      show(failure, true);
      error.field?.focus();
    }
    yes.removeAttribute("aria-disabled");
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** An input with its label and, where there is one, a sentence of help. */
export function field(label, input, help = null) {
  const id = `field-${(field.count = (field.count ?? 0) + 1)}`;
  input.id = id;
  const parts = [h("label", { for: id }, label), input];
  if (help) {
    input.setAttribute("aria-describedby", `${id}-help`);
    parts.push(h("p", { class: "help", id: `${id}-help` }, help));
  }
  return h("div", { class: "field" }, parts);
}

/** The object that a text holds, nothing being an empty one; or an error that says where it is wrong. */
export function objectIn(input) {
  const text = input.value.trim();
  if (text === "") return {};
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw Object.assign(new Error(t("json.wrong", { reason: placed(error.message, input.value) })), { field: input });
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw Object.assign(new Error(t("json.no_object")), { field: input });
  }
  return value;
}

/** The browser's words, with the line where they name only a position. */
function placed(message, text) {
  const position = /position (\d+)(?! \(line)/.exec(message);
  if (!position || /line \d+/.test(message)) return message;
  const before = text.slice(0, Number(position[1])).split("\n");
  return `${message} (${t("json.line", { line: before.length, column: before.at(-1).length + 1 })})`;
}
