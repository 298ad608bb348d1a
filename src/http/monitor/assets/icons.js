// Pictures, drawn as lines on a grid of 16 by 16. They stand beside words and are never the only sign.

import { svg } from "./dom.js";

const LINES = {
  running: ["M8 1.8a6.2 6.2 0 1 1-6.2 6.2"],
  completed: ["M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 0 1 0-12.4", "M5.2 8.2l2 2 3.7-4"],
  failed: ["M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 0 1 0-12.4", "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"],
  paused: ["M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 0 1 0-12.4", "M6.4 5.7v4.6M9.6 5.7v4.6"],
  cancelled: ["M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 0 1 0-12.4", "M3.7 3.7l8.6 8.6"],
  waiting: ["M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 0 1 0-12.4", "M8 4.6V8l2.2 1.6"],
  retrying: ["M13.6 8A5.6 5.6 0 1 1 11.6 3.7", "M11.9 1.2v2.8h-2.8"],
  skipped: ["M2.4 8h8.6M8 4.6L11.4 8 8 11.4M13.8 4.4v7.2"],
  pending: ["M8 2.2v.1M12.1 3.9l-.1.1M13.8 8h-.1M12.1 12.1l-.1-.1M8 13.8v-.1M3.9 12.1l.1-.1M2.2 8h.1M3.9 3.9l.1.1"],
  next: ["M4.2 3.2v9.6L11 8zM12.8 3.2v9.6"],
  resume: ["M4.6 2.8v10.4L13 8z"],
  pause: ["M5.2 3v10M10.8 3v10"],
  cancel: ["M4 4l8 8M12 4l-8 8"],
  complete: ["M2.8 8.6l3.4 3.4 7-7.6"],
  retry: ["M13.6 8A5.6 5.6 0 1 1 11.6 3.7", "M11.9 1.2v2.8h-2.8"],
  start: ["M8 2.6v10.8M2.6 8h10.8"],
  copy: ["M5.6 5.6h7.6v7.6H5.6z", "M10.4 5.6V2.8H2.8v7.6h2.8"],
  download: ["M8 2v8.2M4.6 7L8 10.4 11.4 7M2.6 13.6h10.8"],
  file: ["M3.6 1.8h5.6l3.2 3.2v9.2H3.6z", "M9.2 1.8V5h3.2"],
  info: ["M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 0 1 0-12.4", "M8 7.4v3.6M8 4.9v.1"],
  live: ["M8 7.9v.2M5.2 10.8a4 4 0 0 1 0-5.6M10.8 5.2a4 4 0 0 1 0 5.6M3.2 12.8a6.8 6.8 0 0 1 0-9.6M12.8 3.2a6.8 6.8 0 0 1 0 9.6"],
  offline: ["M2.4 2.4l11.2 11.2M5.2 10.8a4 4 0 0 1-.4-5M10.8 5.2a4 4 0 0 1 .5 5M3.2 12.8a6.8 6.8 0 0 1-.6-8.8M12.8 3.2a6.8 6.8 0 0 1 .7 8.8"],
  stuck: ["M8 2.2L14.4 13.4H1.6z", "M8 6.4v3.4M8 11.6v.1"],
  passivate: ["M8 2v7.4M4.8 6.4L8 9.6l3.2-3.2M2.8 13.4h10.4"],
  language: ["M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 0 1 0-12.4", "M1.9 8h12.2M8 1.8c2 1.8 2.8 3.9 2.8 6.2S10 12.4 8 14.2M8 1.8C6 3.6 5.2 5.7 5.2 8s.8 4.4 2.8 6.2"],
  "theme-auto": ["M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 0 1 0-12.4", "M8 1.8v12.4M8 4.6h3.4M8 8h5.8M8 11.4h3.4"],
  "theme-light": ["M8 5.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 0 1 0-5.6", "M8 1.4v1.4M8 13.2v1.4M1.4 8h1.4M13.2 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M12.7 3.3l-1 1M4.3 11.7l-1 1"],
  "theme-dark": ["M13.6 9.7A6 6 0 0 1 6.3 2.4a6 6 0 1 0 7.3 7.3z"],
};

/** A picture that says nothing to a screen reader. */
export function icon(name) {
  const lines = (LINES[name] ?? LINES.info).map((line) => svg("path", { d: line }));
  return svg("svg", { class: `icon icon-${name}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, lines);
}
