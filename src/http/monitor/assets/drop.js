// A place to put a file: by dropping it, or by the button, which is also how the keyboard does it.

import { announce, h, setText, show } from "./dom.js";
import { icon } from "./icons.js";
import { bytes, t } from "./i18n.js";

/** What a page can hold as one text beside everything else; the server has a bound of its own, and says so. */
export const FILE_BYTES_MAX = 256 * 1024 * 1024;

/** `changed(file)` hears which file it is now, or null. */
export function createDrop(first, changed) {
  const input = h("input", { type: "file", class: "sr-only", id: "drop-file", "aria-labelledby": "drop-label", "aria-describedby": "drop-name" });
  const name = h("span", { class: "drop-name", id: "drop-name" });
  const remove = h("button", { type: "button", class: "button small", id: "drop-remove", hidden: true }, t("drop.remove"));
  const label = h("label", { class: "drop-label", for: "drop-file" }, icon("file"), name);
  const element = h("div", { class: "drop" }, input, label, remove);
  const set = (file, isNews = true) => {
    element.classList.toggle("drop-full", file !== null);
    setText(name, file ? `${file.name} (${bytes(file.size)})` : t("drop.choose"));
    show(remove, file !== null);
    if (isNews) {
      changed(file);
      announce(file ? t("drop.taken", { name: file.name }) : t("drop.removed"));
    }
  };
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (file) set(file);
    // The same file can be chosen again after it was taken away.
    input.value = "";
  });
  remove.addEventListener("click", () => {
    set(null);
    input.focus();
  });
  for (const kind of ["dragenter", "dragover"]) {
    element.addEventListener(kind, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      element.classList.add("drop-over");
    });
  }
  for (const kind of ["dragleave", "drop", "dragend"]) {
    element.addEventListener(kind, () => element.classList.remove("drop-over"));
  }
  element.addEventListener("drop", (event) => {
    const [file] = event.dataTransfer.files;
    if (!file) return;
    event.preventDefault();
    set(file);
  });
  set(first, false);
  return { element };
}

/** The three fields in which steps find a document. */
export async function encoded(file) {
  if (file.size > FILE_BYTES_MAX) throw new Error(t("drop.too_large", { size: bytes(file.size), most: bytes(FILE_BYTES_MAX) }));
  const address = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error(t("drop.unreadable", { reason: reader.error?.message ?? "" })));
    reader.readAsDataURL(file);
  });
  return {
    base64: address.slice(address.indexOf(",") + 1),
    mime: file.type || "application/octet-stream",
    nombre_documento: file.name,
  };
}
