// How it goes in all and which actors live: by a socket that tells it again and again, or, where that is blocked, by asking.

import { Refused, get } from "./api.js";
import { Connection } from "./connection.js";
import { openSocket } from "./transports.js";

const POLL_MILLISECONDS = 2_000;

/**
 * `asked` is what to list: `{ kind, state, stuck, sort, limit }`, where empty ones count as missing. `tell` has `stats(body)`,
 * `actors(body)`, `refused(words)` and `connection(state)`. Nothing is asked for while nobody can see the page.
 */
export function openActorsFeed(asked, tell) {
  let wanted = asked;
  /** How the way that is open learns that something else is wanted. */
  let renew = null;
  const connection = new Connection({
    ways: ["ws", "poll"],
    open: (way, handlers) => {
      const [close, again] = (way === "ws" ? openLive : openAsking)(() => wanted, handlers);
      renew = again;
      return close;
    },
    message: (told) => {
      if (told.event === "stats") tell.stats(told);
      else if (told.event === "actors") tell.actors(told);
      else if (told.event === "error") tell.refused(told.detail);
    },
    tell: tell.connection,
  });
  const look = () => (document.hidden ? connection.stop() : connection.start());
  document.addEventListener("visibilitychange", look);
  look();
  return {
    watch(changed) {
      wanted = changed;
      renew?.();
    },
    close() {
      document.removeEventListener("visibilitychange", look);
      connection.stop();
    },
  };
}

/** The filter as the query of a path. */
function queryOf(wanted) {
  return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
}

function openLive(wanted, handlers) {
  let send = null;
  const close = openSocket(`/admin/ws?${queryOf(wanted())}`, {
    ...handlers,
    opened: (say) => {
      send = say;
      handlers.opened();
    },
  });
  const again = () => {
    const { kind, state, stuck, sort, limit } = wanted();
    send?.({ action: "watch", kind, state, stuck: Boolean(stuck), sort, limit });
  };
  return [close, again];
}

function openAsking(wanted, { opened, message, closed }) {
  let leaving = null;
  let timer = null;
  let isOver = false;
  const turn = async () => {
    clearTimeout(timer);
    leaving?.abort();
    const mine = new AbortController();
    leaving = mine;
    try {
      const stats = await get("/admin/stats", { signal: mine.signal });
      const actors = await get(`/admin/actors?${queryOf(wanted())}`, { signal: mine.signal });
      opened();
      message({ ...stats, event: "stats" });
      message({ ...actors, event: "actors" });
    } catch (error) {
      if (mine.signal.aborted || isOver) return;
      if (!(error instanceof Refused)) {
        closed({ code: 0, reason: error.message });
        return;
      }
      message({ event: "error", detail: error.message });
    }
    timer = setTimeout(turn, POLL_MILLISECONDS);
  };
  turn();
  const close = () => {
    isOver = true;
    leaving?.abort();
    clearTimeout(timer);
  };
  return [close, turn];
}
