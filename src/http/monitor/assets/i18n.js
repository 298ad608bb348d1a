// The languages of the page: words, numbers, times.

import { serverNow } from "./api.js";
import { read, write } from "./preferences.js";
import { WORDS as english } from "./words_en.js";
import { WORDS as spanish } from "./words_es.js";

const LANGUAGES = { en: english, es: spanish };

let language = chosen();
let formats = formatsOf(language);

function chosen() {
  const wanted = [read("language"), ...(navigator.languages ?? [navigator.language])];
  const known = wanted.map((tag) => String(tag).slice(0, 2).toLowerCase()).find((tag) => tag in LANGUAGES);
  return known ?? "en";
}

function formatsOf(tag) {
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const day = { day: "numeric", month: "short" };
  return {
    number: new Intl.NumberFormat(tag, { useGrouping: "always" }),
    short: new Intl.NumberFormat(tag, { maximumFractionDigits: 1 }),
    clock: new Intl.DateTimeFormat(tag, clock),
    exact: new Intl.DateTimeFormat(tag, { ...clock, fractionalSecondDigits: 3 }),
    day: new Intl.DateTimeFormat(tag, { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
    full: new Intl.DateTimeFormat(tag, { dateStyle: "full", timeStyle: "long" }),
  };
}

/** The language of the page, `en` or `es`. */
export function currentLanguage() {
  return language;
}

/** Changes the language and keeps the choice. */
export function setLanguage(tag) {
  language = tag in LANGUAGES ? tag : "en";
  formats = formatsOf(language);
  write("language", language);
}

/** The words for `key`, with what stands in braces filled in. */
export function t(key, values = {}) {
  const words = LANGUAGES[language][key] ?? english[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The words for `key` and a number: `key.one` or `key.other`. */
export function tn(key, count, values = {}) {
  return t(`${key}.${count === 1 ? "one" : "other"}`, { count: number(count), ...values });
}

/** Words for a key that may be missing. */
export function tOr(key, otherwise) {
  return LANGUAGES[language][key] ?? otherwise;
}

export function number(value) {
  return formats.number.format(value);
}

/** A number with one decimal at most. */
export function short(value) {
  return formats.short.format(value);
}

export function percent(value) {
  const rounded = value >= 100 ? 100 : Math.floor(value * 10) / 10;
  return `${formats.short.format(rounded)} %`;
}

/** A time of today as hours, minutes and seconds; an older one with its day. */
export function moment(text) {
  const time = new Date(text);
  const isRecent = Math.abs(serverNow() - time.getTime()) < 12 * 3_600_000;
  return (isRecent ? formats.clock : formats.day).format(time);
}

/** Hours, minutes, seconds and milliseconds. */
export function exactly(text) {
  return formats.exact.format(new Date(text));
}

/** All of a time, in words. */
export function inFull(text) {
  return formats.full.format(new Date(text));
}

/** A span of time, as short as it can be said. */
export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 1) return `${number(Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return `${formats.short.format(seconds < 10 ? seconds : Math.round(seconds))} s`;
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86400)];
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${number(days)} d ${hours % 24} h`;
}

export function bytes(count) {
  if (count < 1024) return `${number(count)} B`;
  const units = ["KiB", "MiB", "GiB"];
  let value = count;
  let unit = -1;
  do {
    value /= 1024;
    unit += 1;
  } while (value >= 1024 && unit < units.length - 1);
  return `${formats.short.format(value)} ${units[unit]}`;
}
