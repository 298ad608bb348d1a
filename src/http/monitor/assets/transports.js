// The three ways to get events: WebSocket, server-sent events, asking again and again. Each is opened by a function that
// takes `{ opened, message, closed }` and answers how to close it; `closed` is told once, with `{ code, reason }`.

import { address, get, socketAddress } from "./api.js";

export const OPENING_MILLISECONDS = 8_000;
const POLL_MILLISECONDS = 1_000;
const POLL_EVENTS = 1_000;
/** How long a way that did not open, while the server answered, is left alone. */
const BLOCKED_MILLISECONDS = 5 * 60_000;

/** The kinds of events, which SSE may carry as names. */
const KINDS = [
  "workflow_started", "step_started", "step_progress", "step_completed", "step_waiting", "step_error", "step_finished",
  "workflow_pausing", "workflow_paused", "workflow_resumed", "workflow_cancelled", "execution_properties_updated",
  "max_visits_exceeded", "workflow_completed", "workflow_failed",
];

const blockedUntil = { ws: 0, sse: 0 };

/** Leaves a way alone for a while: something between here and the server does not let it through. */
export function block(way) {
  if (way in blockedUntil) blockedUntil[way] = Date.now() + BLOCKED_MILLISECONDS;
}

/** The best of these ways that is not known to be blocked; the last is always there. */
export function best(ways) {
  return ways.find((way) => Date.now() >= (blockedUntil[way] ?? 0)) ?? ways.at(-1);
}

/** Opens a socket. `first` is sent once it is open; `opened` is given how to send more. */
export function openSocket(path, { opened, message, closed }, first = null) {
  let socket;
  try {
    socket = new WebSocket(socketAddress(path));
  } catch (error) {
    // Whoever waits for an answer has to be given the time to take it.
    const timer = setTimeout(() => closed({ code: 0, reason: error.message }), 0);
    return () => clearTimeout(timer);
  }
  const told = once(closed);
  const patience = setTimeout(() => {
    socket.close();
    told({ code: 0, reason: "" });
  }, OPENING_MILLISECONDS);
  socket.addEventListener("open", () => {
    clearTimeout(patience);
    const say = (words) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(words));
    };
    if (first) say(first);
    opened(say);
  });
  socket.addEventListener("message", ({ data }) => take(data, message));
  socket.addEventListener("close", ({ code, reason }) => {
    clearTimeout(patience);
    told({ code, reason });
  });
  return () => {
    told.silence();
    if (socket.readyState === WebSocket.CONNECTING) {
      // To close it now would be reported as an error; where it does not open either, its patience ends it.
      socket.addEventListener("open", () => socket.close());
      return;
    }
    clearTimeout(patience);
    socket.close();
  };
}

/** Opens a stream of server-sent events of one execution, behind `after`. */
export function openEventSource(id, after, { opened, message, closed }) {
  const source = new EventSource(address(`/executions/${id}/events?after=${after}`));
  const told = once(closed);
  // We go on by ourselves, from what we have: the browser's own way of trying again would hide that it does.
  const end = () => {
    clearTimeout(patience);
    source.close();
    told({ code: 0, reason: "" });
  };
  const patience = setTimeout(end, OPENING_MILLISECONDS);
  source.addEventListener("open", () => {
    clearTimeout(patience);
    opened();
  });
  source.addEventListener("error", end);
  for (const kind of ["message", ...KINDS]) source.addEventListener(kind, ({ data }) => take(data, message));
  return () => {
    clearTimeout(patience);
    told.silence();
    source.close();
  };
}

/** Asks for the events behind what `last` says, again and again. */
export function openPolling(id, last, { opened, message, closed }) {
  const leaving = new AbortController();
  const told = once(closed);
  let timer = null;
  let isOpen = false;
  const turn = async () => {
    try {
      const events = await get(`/executions/${id}/events?after=${last()}&limit=${POLL_EVENTS}`, { signal: leaving.signal });
      if (!isOpen) opened();
      isOpen = true;
      events.forEach(message);
      timer = setTimeout(turn, events.length === POLL_EVENTS ? 0 : POLL_MILLISECONDS);
    } catch {
      told({ code: 0, reason: "" });
    }
  };
  turn();
  return () => {
    told.silence();
    leaving.abort();
    clearTimeout(timer);
  };
}

function take(text, message) {
  let event = null;
  try {
    event = JSON.parse(text);
  } catch {
    return;
  }
  if (event && typeof event === "object") message(event);
}

function once(tell) {
  let isTold = false;
  const told = (value) => {
    if (isTold) return;
    isTold = true;
    tell(value);
  };
  told.silence = () => {
    isTold = true;
  };
  return told;
}
