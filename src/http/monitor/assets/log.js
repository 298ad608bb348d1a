// The event log as it comes: the newest thousand events, older ones on demand, with a filter, and a pause for reading.

import { h, setText, show, throttled } from "./dom.js";
import { failureWords } from "./dialogs.js";
import { pictureOf, textOf, titleOf } from "./event_words.js";
import { exactly, inFull, number, t, tn } from "./i18n.js";
import { icon } from "./icons.js";

/** So many events are kept in the page. */
const EVENTS_MAX = 1_000;
const EARLIER_EVENTS = 200;
const DRAW_MILLISECONDS = 80;
const NEAR_THE_END_PIXELS = 48;

/** `watch` gives older events; `newest()` says up to which `seq` the log goes. */
export function createLog(watch) {
  const list = h("ol", { class: "log-list" });
  const nothing = h("p", { class: "note", hidden: true }, t("log.nothing"));
  const earlier = h("button", { type: "button", class: "button small", hidden: true });
  const scroller = h("div", { class: "log-scroller", tabindex: 0, role: "region", "aria-label": t("log.title") }, earlier, list, nothing);
  const words = h("input", { type: "search", id: "log-words", placeholder: t("log.filter"), "aria-label": t("log.filter"), autocomplete: "off" });
  const progress = h("input", { type: "checkbox", checked: true, id: "log-progress" });
  const pause = h("button", { type: "button", class: "button small", id: "log-pause" });
  const count = h("span", { class: "note", id: "log-count" });
  const failure = h("p", { class: "failure", role: "alert", hidden: true });
  const element = h("section", { class: "card log", "aria-labelledby": "log-title" },
    h("div", { class: "card-head" }, h("h2", { id: "log-title" }, t("log.title")), count, pause),
    h("div", { class: "log-tools" }, words, h("label", { class: "check" }, progress, t("log.progress"))),
    failure, scroller);

  let pending = [];
  let isPaused = false;
  let missed = 0;
  /** The last event that came, whether or not it is shown. */
  let newest = 0;

  const first = () => Number(list.firstElementChild?.dataset.seq ?? newest + 1);
  const lastShown = () => Number(list.lastElementChild?.dataset.seq ?? 0);
  const isAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_THE_END_PIXELS;
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
  };

  const fits = (row) => (progress.checked || row.dataset.kind !== "step_progress")
    && row.words.includes(words.value.trim().toLowerCase());
  const summarise = () => {
    const rows = [...list.children];
    const shown = rows.filter((row) => !row.hidden).length;
    show(nothing, rows.length > 0 && shown === 0);
    setText(count, shown === rows.length ? tn("log.count", newest) : t("log.count_filtered", { shown: number(shown), count: number(rows.length) }));
    const before = first() - 1;
    show(earlier, before > 0 && rows.length > 0);
    setText(earlier, tn("log.earlier", before));
    setText(pause, isPaused ? (missed > 0 ? tn("log.resume_missed", missed) : t("log.resume")) : t("log.pause"));
    pause.setAttribute("aria-pressed", String(isPaused));
  };
  const filter = () => {
    for (const row of list.children) row.hidden = !fits(row);
    summarise();
  };

  const append = (events) => {
    const follow = isAtEnd();
    const rows = events.slice(-EVENTS_MAX).map((event) => rowOf(event, watch));
    for (const row of rows) row.hidden = !fits(row);
    list.append(...rows);
    while (list.childElementCount > EVENTS_MAX) list.firstElementChild.remove();
    summarise();
    if (follow) toEnd();
  };
  const draw = throttled(DRAW_MILLISECONDS, () => {
    const events = pending;
    pending = [];
    append(events);
  });

  const attempt = async (work) => {
    show(failure, false);
    try {
      await work();
    } catch (error) {
      if (error.name === "AbortError") return;
      setText(failure, failureWords(error));
      show(failure, true);
    }
  };
  const stop = () => {
    isPaused = true;
    missed = pending.length;
    pending = [];
    draw.cancel();
    summarise();
  };
  /** Goes on with what comes; what came meanwhile is fetched, or its end where it is too much for the page. */
  const goOn = () => attempt(async () => {
    while (isPaused) {
      const from = Math.max(lastShown(), newest - EVENTS_MAX);
      const events = from < newest ? await watch.eventsAfter(from, EVENTS_MAX) : [];
      if (from > lastShown()) list.replaceChildren();
      append(events);
      if (lastShown() >= newest) {
        isPaused = false;
        missed = 0;
      }
    }
    summarise();
    toEnd();
  });
  const showEarlier = () => attempt(async () => {
    const before = first();
    const events = await watch.earlier(before, EARLIER_EVENTS);
    if (first() !== before) return;
    if (!isPaused && list.childElementCount + events.length > EVENTS_MAX) stop();
    const height = scroller.scrollHeight;
    list.prepend(...events.map((event) => rowOf(event, watch)));
    while (list.childElementCount > EVENTS_MAX) list.lastElementChild.remove();
    filter();
    scroller.scrollTop += scroller.scrollHeight - height;
  });

  pause.addEventListener("click", () => (isPaused ? goOn() : stop()));
  earlier.addEventListener("click", showEarlier);
  words.addEventListener("input", filter);
  progress.addEventListener("change", filter);
  summarise();
  return {
    element,
    add(event) {
      newest = event.seq;
      if (isPaused) {
        missed += 1;
        summarise();
        return;
      }
      pending.push(event);
      if (pending.length > EVENTS_MAX) pending.shift();
      draw();
    },
    leave: () => draw.cancel(),
  };
}

function rowOf(event, watch) {
  const [title, text, { seq }] = [titleOf(event), textOf(event), event];
  const whole = h("pre", { class: "log-whole", tabindex: 0 });
  const details = h("details", {},
    h("summary", {},
      h("span", { class: "log-seq" }, number(event.seq)),
      h("time", { datetime: event.timestamp, title: inFull(event.timestamp) }, exactly(event.timestamp)),
      icon(pictureOf(event)),
      h("span", { class: "log-title" }, title),
      h("span", { class: "log-text" }, text)),
    whole);
  // What it holds may be large: it is fetched when somebody looks, and not kept.
  details.addEventListener("toggle", async () => {
    if (!details.open) {
      whole.textContent = "";
      return;
    }
    try {
      const [again] = await watch.eventsAfter(seq - 1, 1);
      whole.textContent = JSON.stringify(again, null, 2);
    } catch (error) {
      whole.textContent = failureWords(error);
    }
  });
  const row = h("li", { data: { seq: event.seq, kind: event.event } }, details);
  row.words = `${title} ${text} ${event.step ?? ""} ${event.event} ${event.seq}`.toLowerCase();
  return row;
}
