// Why an execution is not moving, in the language of the page: from the facts that the server's own sentence rests on.

import { serverNow } from "./api.js";
import { setAttribute, setText } from "./dom.js";
import { duration, number, percent, t, tOr } from "./i18n.js";
import { errorWords } from "./status.js";

/** Shows the answer of `…/why` in `element`; in the server's words where it tells of something that has none here. */
export function setWhy(element, answer) {
  const words = sentences(answer);
  setText(element, words ?? answer.explanation);
  setAttribute(element, "lang", words === null ? "en" : null);
}

function sentences({ status, waiting_for: waitingFor, facts }) {
  if (!facts) return null;
  const first = SAID[status]?.(facts, waitingFor) ?? null;
  if (first === null) return null;
  const more = [
    facts.pause_requested ? t("why.pausing") : null,
    facts.unwritten_since ? t("why.unwritten", { time: since(facts.unwritten_since) }) : null,
  ];
  return [first, ...more].filter(Boolean).join(" ");
}

const since = (moment) => duration(Math.max(0, Math.round((serverNow() - Date.parse(moment)) / 1000)));
const reasonOf = (facts) => tOr(`reason.${facts.reason}`, facts.reason ?? t("why.no_reason"));
const withoutEnd = (text) => text.replace(/\.+$/, "");

const SAID = {
  running: (facts, waitingFor) => (facts.step ? (WAITING[waitingFor] ?? called)(facts) : null),
  paused: (facts) => [t("why.paused", { reason: withoutEnd(reasonOf(facts)) }), errorWords(facts.error)].filter(Boolean).join(" "),
  failed: (facts) => (facts.step && facts.error ? t("why.failed", { step: facts.step.name, error: withoutEnd(facts.error.message) }) : null),
  cancelled: (facts) => t("why.cancelled", { reason: withoutEnd(reasonOf(facts)) }),
  completed: () => t("why.completed"),
};

const WAITING = {
  next: (facts) => t("why.manual", { step: facts.step.name }),
  callback: (facts) => (facts.sent_at ? ofStep(facts, t("why.callback", { time: since(facts.sent_at) })) : null),
  retry: (facts) => (facts.error ? ofStep(facts, t("why.retry", { error: shortly(facts.error) })) : null),
};

/** What a step does whose call is, or should be, open. */
function called(facts) {
  if (facts.reported_end) return ofStep(facts, t("why.told"));
  if (!facts.call) return ofStep(facts, t("why.delivered"));
  const time = since(facts.call.since);
  if (facts.call.phase === "queued") return ofStep(facts, t("why.queued", { time }));
  if (facts.call.phase === "refused") return ofStep(facts, t("why.refused", { time }));
  if (facts.call.phase !== "sent") return null;
  const reported = facts.progress?.percentage;
  return ofStep(facts, Number.isFinite(reported) ? t("why.sent", { time, percent: percent(reported) }) : t("why.silent", { time }));
}

function ofStep(facts, rest) {
  const most = Math.max(facts.attempt, facts.max_attempts);
  return t("why.step", { step: facts.step.name, attempt: number(facts.attempt), most: number(most), rest });
}

function shortly(error) {
  return error.status ? `HTTP ${error.status}` : tOr(`error.${error.type}`, error.type);
}
