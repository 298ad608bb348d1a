// Which page the address names. Pages stand in one table, `pages.js`.

import { announce, h } from "./dom.js";
import { t } from "./i18n.js";
import { PAGES } from "./pages.js";

let shown = null;

/** The parts of a fragment such as `#/executions/{id}?status=failed`. */
export function parse(fragment) {
  const [path, query = ""] = fragment.replace(/^#/, "").split("?");
  const segments = path.split("/").filter(Boolean).map(decoded);
  return { segments, query: new URLSearchParams(query) };
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The fragment for a page; what is empty in `query` is left out. */
export function link(path, query = {}) {
  const kept = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  return kept.size > 0 ? `#${path}?${kept}` : `#${path}`;
}

/** The pattern's values where the segments fit it, or null. */
function match(pattern, segments) {
  if (pattern.length !== segments.length) return null;
  const values = {};
  for (const [place, part] of pattern.entries()) {
    if (part.startsWith(":")) {
      values[part.slice(1)] = segments[place];
    } else if (part !== segments[place]) {
      return null;
    }
  }
  return values;
}

/** The page that a fragment names, and with which values. */
function find(fragment) {
  const { segments, query } = parse(fragment);
  const wanted = segments.length === 0 ? ["executions"] : segments;
  for (const page of PAGES) {
    const values = match(page.path, wanted);
    if (values) return { page, values, query, key: `${page.name} ${wanted.join("/")}` };
  }
  return null;
}

/** Shows what the address names; a change of its query alone is left to the page that is shown. */
export function route({ isFirst = false } = {}) {
  const found = find(location.hash);
  if (found && shown?.key === found.key && shown.view.change) {
    shown.view.change(found.query);
    return;
  }
  shown?.view.leave?.();
  const main = document.getElementById("main");
  main.replaceChildren();
  const view = found ? found.page.open(main, found.values, found.query) : openNothing(main);
  shown = { key: found?.key, page: found?.page, view };
  markCurrent();
  setTitle(view.title);
  if (!isFirst) {
    window.scrollTo(0, 0);
    main.querySelector("h1")?.focus({ preventScroll: true });
    announce(view.title);
  }
}

/** Shows the page again, from the beginning: in another language. */
export function again() {
  shown?.view.leave?.();
  shown = null;
  route({ isFirst: true });
}

export function setTitle(title) {
  document.title = title ? `${title} · Discovery` : "Discovery";
}

/** Marks the place in the navigation. */
export function markCurrent() {
  for (const anchor of document.querySelectorAll("#nav a")) {
    if (anchor.dataset.page === shown?.page?.under) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
}

function openNothing(main) {
  const title = t("nothing.title");
  main.append(
    h("div", { class: "empty card" },
      h("h1", { tabindex: "-1" }, title),
      h("p", {}, t("nothing.text")),
      h("a", { class: "button", href: "#/executions" }, t("nav.executions"))));
  return { title };
}
