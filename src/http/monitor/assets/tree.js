// JSON as a tree that opens where somebody looks, so that a large one costs nothing until then.

import { address } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { bytes, number, t, tn } from "./i18n.js";

const CHILDREN_AT_ONCE = 100;
const TEXT_CHARACTERS = 400;
const NAME_CHARACTERS = 60;

/** What a stored string is known by, where `value` stands for one. */
export function payloadOf(value) {
  const payload = value && typeof value === "object" && !Array.isArray(value) ? value.$payload : undefined;
  return payload && typeof payload.url === "string" ? payload : null;
}

/** The tree of an object, its first level open. */
export function tree(value) {
  const list = h("ul", { class: "tree" });
  addChildren(list, value);
  return list;
}

function addChildren(list, value, begin = 0) {
  const entries = Object.entries(value);
  for (const [name, child] of entries.slice(begin, begin + CHILDREN_AT_ONCE)) list.append(h("li", {}, node(name, child, value)));
  const next = begin + CHILDREN_AT_ONCE;
  if (next >= entries.length) {
    if (entries.length === 0) list.append(h("li", { class: "tree-nothing" }, t("tree.empty")));
    return;
  }
  const more = h("li", {}, h("button", { type: "button", class: "link", on: { click: () => {
    more.remove();
    addChildren(list, value, next);
  } } }, tn("tree.more", entries.length - next)));
  list.append(more);
}

function node(name, value, parent) {
  const label = h("span", { class: "tree-name" }, name);
  const payload = payloadOf(value);
  if (payload) return h("div", { class: "tree-leaf" }, label, downloads(name, payload, parent));
  if (value === null || typeof value !== "object") return h("div", { class: "tree-leaf" }, label, leaf(value));
  const count = Object.keys(value).length;
  const kind = Array.isArray(value) ? tn("tree.items", count) : tn("tree.fields", count);
  const children = h("ul");
  const details = h("details", {}, h("summary", {}, label, h("span", { class: "tree-kind" }, kind)), children);
  details.addEventListener("toggle", () => {
    if (details.open && children.childElementCount === 0) addChildren(children, value);
  });
  return details;
}

function leaf(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const element = h("span", { class: `tree-value tree-${value === null ? "null" : typeof value}` });
  if (text.length <= TEXT_CHARACTERS) {
    element.textContent = text;
    return element;
  }
  element.append(`${text.slice(0, TEXT_CHARACTERS)}… `, h("button", { type: "button", class: "link", on: { click: () => {
    element.textContent = text;
  } } }, t("tree.all", { count: number(text.length) })));
  return element;
}

/** A stored string, as it is and, where it is a document in base64, as that. */
function downloads(name, payload, parent) {
  const size = Number.isFinite(payload.bytes) ? bytes(payload.bytes) : "";
  const failed = h("span", { class: "tree-error", role: "alert" });
  const parts = [h("span", { class: "tree-kind" }, t("tree.payload", { size })), " "];
  if (/base64|contenido|document|archivo|file/i.test(name)) {
    const file = typeof parent.nombre_documento === "string" ? parent.nombre_documento : `${name}.bin`;
    const save = () => saveDecoded(payload, file, failed);
    parts.push(h("button", { type: "button", class: "link", on: { click: save } }, icon("download"), t("tree.document", { name: shortened(file) })), " ");
  }
  const text = { class: "link", href: address(payload.url), download: `${name}.txt` };
  parts.push(h("a", text, icon("download"), t("tree.text")), failed);
  return h("span", { class: "tree-payload" }, parts);
}

async function saveDecoded(payload, name, failed) {
  failed.textContent = "";
  try {
    const response = await fetch(address(payload.url));
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const packed = (await response.text()).replace(/^data:[^,]*,/, "").replace(/\s/g, "");
    const document = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
    save(new Blob([document], { type: "application/octet-stream" }), name);
  } catch (error) {
    failed.textContent = t("tree.not_decoded", { reason: error.message });
  }
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = h("a", { href: url, download: name.replace(/[\\/]/g, "_") });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function shortened(text) {
  return text.length <= NAME_CHARACTERS ? text : `${text.slice(0, NAME_CHARACTERS - 1)}…`;
}
