// The page on which an execution is started.

import { post } from "./api.js";
import { h, setAttribute, setText, show } from "./dom.js";
import { failureWords, field, objectIn } from "./dialogs.js";
import { createDrop, encoded } from "./drop.js";
import { icon } from "./icons.js";
import { t, tn } from "./i18n.js";
import { link } from "./router.js";
import { loadWorkflows } from "./workflows.js";

const MODES = ["", "automatic", "manual"];

/** What was filled in stays while somebody looks at another page, or changes the language. */
const draft = { workflow: "", mode: "", data: "", file: null };

export function openStart(main, _values, query) {
  const leaving = new AbortController();
  draft.workflow = query.get("workflow") ?? draft.workflow;
  let workflows = null;
  let key = newKey();

  const choice = h("select", { required: true });
  const about = h("div", { class: "about-workflow" });
  const modes = h("div", { class: "segmented" }, MODES.map((mode) => h("label", {},
    h("input", { type: "radio", name: "mode", value: mode, checked: draft.mode === mode, on: { change: () => {
      draft.mode = mode;
    } } }), h("span", {}, mode ? t(`mode.${mode}`) : t("start.mode_default")))));
  const data = h("textarea", { rows: 8, spellcheck: "false", class: "mono", placeholder: '{\n  "cliente": "ACME"\n}' });
  data.value = draft.data;
  const drop = createDrop(draft.file, (file) => {
    draft.file = file;
    key = newKey();
  });
  const failure = h("p", { class: "failure", role: "alert", hidden: true });
  const go = h("button", { class: "button primary large", type: "submit" }, icon("resume"), h("span", {}, t("start.go")));
  const form = h("form", { class: "card start", novalidate: true },
    field(t("start.workflow"), choice), about,
    h("fieldset", { class: "field" }, h("legend", {}, t("start.mode")), modes, h("p", { class: "help" }, t("start.mode_help"))),
    h("div", { class: "field" }, h("span", { class: "label", id: "drop-label" }, t("start.file")), drop.element, h("p", { class: "help" }, t("start.file_help"))),
    field(t("start.data"), data, t("start.data_help")),
    failure, h("div", { class: "form-buttons" }, go));
  const empty = h("div", { class: "empty card", hidden: true }, h("p", {}, t("start.nothing")), h("p", { class: "note" }, t("start.nothing_help")));
  main.append(h("div", { class: "start-page" }, h("h1", { tabindex: "-1" }, t("start.title")), form, empty));

  const tell = (words) => {
    setText(failure, words);
    show(failure, words !== "");
  };
  const describe = () => {
    const workflow = workflows?.find((one) => one.id === choice.value);
    show(about, Boolean(workflow));
    if (!workflow) return;
    const steps = [...workflow.steps].sort((a, b) => a.order - b.order);
    about.replaceChildren(
      workflow.description ? h("p", {}, workflow.description) : "",
      h("p", { class: "note" }, tn("start.steps", steps.length), " · ", t("facts.mode"), ": ", t(`mode.${workflow.mode}`)),
      h("ol", { class: "about-steps" }, steps.slice(0, 24).map((step) => h("li", {}, step.name))));
  };
  choice.addEventListener("change", () => {
    draft.workflow = choice.value;
    key = newKey();
    describe();
  });
  data.addEventListener("input", () => {
    draft.data = data.value;
    setAttribute(data, "aria-invalid", null);
    key = newKey();
  });
  modes.addEventListener("change", () => {
    key = newKey();
  });

  const submit = async () => {
    tell("");
    setAttribute(data, "aria-invalid", null);
    if (!choice.value) throw Object.assign(new Error(t("start.no_workflow")), { field: choice });
    const given = objectIn(data);
    const document = draft.file ? await encoded(draft.file) : {};
    const body = { workflow_id: choice.value, data: { ...given, ...document } };
    if (draft.mode) body.mode = draft.mode;
    // The same press twice, or again after a break, starts it once.
    const started = await post("/execute-async", body, { headers: { "idempotency-key": key }, signal: leaving.signal });
    key = newKey();
    draft.file = null;
    draft.data = "";
    location.hash = link(`/executions/${started.execution_id}`);
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (go.getAttribute("aria-disabled") === "true") return;
    go.setAttribute("aria-disabled", "true");
    setText(go.lastElementChild, t("start.going"));
    try {
      await submit();
    } catch (error) {
      if (leaving.signal.aborted) return;
      tell(failureWords(error));
      if (error.field === data) setAttribute(data, "aria-invalid", "true");
      error.field?.focus();
    }
    go.removeAttribute("aria-disabled");
    setText(go.lastElementChild, t("start.go"));
  });

  const load = async () => {
    try {
      workflows = await loadWorkflows(leaving.signal);
    } catch (error) {
      if (!leaving.signal.aborted) tell(failureWords(error));
      return;
    }
    show(form, workflows.length > 0);
    show(empty, workflows.length === 0);
    choice.append(...(workflows.length === 1 ? [] : [h("option", { value: "" }, t("start.choose"))]),
      ...workflows.map((one) => h("option", { value: one.id }, one.name)));
    if (workflows.some((one) => one.id === draft.workflow)) choice.value = draft.workflow;
    describe();
  };
  load();
  return { title: t("start.title"), leave: () => leaving.abort() };
}

/** Random bits; `randomUUID` is only there on pages that came encrypted or from this machine. */
function newKey() {
  const numbers = crypto.getRandomValues(new Uint32Array(4));
  return `monitor-${[...numbers].map((one) => one.toString(36)).join("-")}`;
}
