// Why an execution is not moving.

import { Refused, get, serverNow } from "./api.js";
import { h, setText, show } from "./dom.js";
import { icon } from "./icons.js";
import { duration, t } from "./i18n.js";
import { stateOf } from "./status.js";
import { setWhy } from "./why_words.js";

const ASK_AGAIN_MILLISECONDS = 10_000;
/** A step from which nothing came for so long is worth a word; one that reports speaks for itself. */
const SILENT_MILLISECONDS = 10_000;
/** Where a server does not know the question it is not asked again, whatever the execution. */
let isKnown = true;

export function createWhy(id) {
  const words = h("p", { class: "why-words" });
  const when = h("p", { class: "why-when" });
  const element = h("section", { class: "why", "aria-label": t("why.label"), hidden: true },
    icon("info"), h("div", {}, words, when));
  const leaving = new AbortController();
  let asked = "";
  let askedAt = 0;
  let nextActionAt = null;

  const ask = async () => {
    askedAt = Date.now();
    const question = asked;
    try {
      const answer = await get(`/executions/${encodeURIComponent(id)}/why`, { signal: leaving.signal });
      // It may have moved on meanwhile.
      if (asked !== question) return;
      setWhy(words, answer);
      nextActionAt = answer.next_action_at ? Date.parse(answer.next_action_at) : null;
      show(element, Boolean(answer.explanation));
    } catch (error) {
      if (error instanceof Refused && error.status === 404) isKnown = false;
      show(element, false);
    }
  };
  const count = () => {
    const seconds = nextActionAt === null ? -1 : (nextActionAt - serverNow()) / 1000;
    show(when, seconds > 0);
    if (seconds > 0) setText(when, t("why.next", { time: duration(Math.ceil(seconds)) }));
  };
  return {
    element,
    update(status) {
      count();
      const state = stateOf(status);
      const isSilent = serverNow() - Date.parse(status.updated_at) > SILENT_MILLISECONDS;
      const speaksForItself = state === "completed" || (state === "running" && !status.pause_requested && !isSilent);
      if (!isKnown || speaksForItself) {
        asked = "";
        show(element, false);
        return;
      }
      const question = `${state} ${status.current_step?.id} ${status.pause_requested} ${status.steps_history.length}`;
      const isOld = Date.now() - askedAt > ASK_AGAIN_MILLISECONDS && !["failed", "cancelled"].includes(state);
      if (question === asked && !isOld) return;
      asked = question;
      ask();
    },
    leave: () => leaving.abort(),
  };
}
