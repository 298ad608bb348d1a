// What happens to all executions: by one socket, or, where that is blocked, by a hint to ask for the list again.

import { Connection } from "./connection.js";
import { openSocket } from "./transports.js";

const POLL_MILLISECONDS = 3_000;

/** `tell` has `event(event)`, `again()` where anything may have changed, and `connection(state)`. */
export function openFeed(tell) {
  const connection = new Connection({
    ways: ["ws", "poll"],
    open: (way, handlers) => (way === "ws" ? openSubscription(handlers) : openClock(handlers)),
    message: (event) => {
      if (event === AGAIN) tell.again();
      else if (event.execution_id && event.event !== "subscribed") tell.event(event);
    },
    tell: (state) => {
      tell.connection(state);
      // What happened while nobody listened.
      if (state.phase === "live") tell.again();
    },
  });
  connection.start();
  return () => connection.stop();
}

const AGAIN = Object.freeze({});

function openSubscription({ opened, message, closed }) {
  return openSocket("/ws", { opened, message, closed }, { action: "subscribe", executions: "all" });
}

function openClock({ opened, message }) {
  const first = setTimeout(opened, 0);
  const clock = setInterval(() => {
    if (!document.hidden) message(AGAIN);
  }, POLL_MILLISECONDS);
  return () => {
    clearTimeout(first);
    clearInterval(clock);
  };
}
