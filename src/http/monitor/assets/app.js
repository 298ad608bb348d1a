// Begins the page: the head with its navigation and switches, then whatever page the address names.

import { h, setText } from "./dom.js";
import { currentLanguage, setLanguage, t } from "./i18n.js";
import { icon } from "./icons.js";
import { NAVIGATION } from "./pages.js";
import { read, write } from "./preferences.js";
import { again, markCurrent, route } from "./router.js";

const THEMES = ["auto", "light", "dark"];

let theme = THEMES.includes(read("theme")) ? read("theme") : "auto";

function applyTheme() {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function themeSwitch() {
  const button = h("button", { class: "tool", type: "button", id: "theme" });
  const update = () => {
    const words = t("theme.label", { theme: t(`theme.${theme}`) });
    button.replaceChildren(icon(`theme-${theme}`));
    button.setAttribute("aria-label", words);
    button.title = words;
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    write("theme", theme === "auto" ? null : theme);
    applyTheme();
    update();
  });
  update();
  return button;
}

function languageSwitch() {
  const other = currentLanguage() === "es" ? "en" : "es";
  const words = { en: "Switch to English", es: "Cambiar a español" }[other];
  const change = () => {
    setLanguage(other);
    drawHead();
    again();
    document.getElementById("language").focus();
  };
  return h("button", { class: "tool", type: "button", id: "language", lang: other, "aria-label": words, title: words,
    on: { click: change } }, icon("language"), h("span", { "aria-hidden": "true" }, other.toUpperCase()));
}

function drawHead() {
  document.documentElement.lang = currentLanguage();
  const nav = document.getElementById("nav");
  nav.setAttribute("aria-label", t("nav.label"));
  nav.replaceChildren(...NAVIGATION.map((entry) =>
    h("a", { href: entry.href, data: { page: entry.page } }, t(entry.words))));
  markCurrent();
  setText(document.getElementById("skip"), t("nav.skip"));
  document.getElementById("tools").replaceChildren(languageSwitch(), themeSwitch());
}

// The fragment names the page, so that a link within one has to be made by hand.
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});

applyTheme();
drawHead();
window.addEventListener("hashchange", () => route());
route({ isFirst: true });
