// One execution, watched: its status as the server tells it, and its events from the moment that the watch begins.

import { Refused, get, post } from "./api.js";
import { Connection } from "./connection.js";
import { throttled } from "./dom.js";
import { openEventSource, openPolling, openSocket } from "./transports.js";

/** So many of the newest events are shown at first; older ones on demand. */
export const TAIL_EVENTS = 500;
const REFRESH_MILLISECONDS = 200;
const SETTLE_MILLISECONDS = 1_500;
/** How often an ended execution is asked whether somebody has it tried again. */
const REVISIT_MILLISECONDS = 15_000;
const FINAL = new Set(["workflow_completed", "workflow_failed", "workflow_cancelled"]);
const ENDED = new Set(["completed", "failed", "cancelled"]);

export function isEnded(status) {
  return ENDED.has(status.status);
}

export class Watch {
  /** The newest status, or null before the first. */
  status = null;
  /** The `seq` of the newest event that came. */
  last = 0;
  connection = { phase: "connecting", way: null };

  #id;
  #tell;
  #connection;
  #refresh;
  #isRefreshing = false;
  #isStale = false;
  #settling = null;
  #revisiting = null;
  #leaving = new AbortController();

  /** `tell` has `changed()`, `event(event)`, `connection(state)`, `failed(error)`. */
  constructor(id, tell) {
    this.#id = encodeURIComponent(id);
    this.#tell = tell;
    this.#refresh = throttled(REFRESH_MILLISECONDS, () => this.refresh());
    this.#connection = new Connection({
      ways: ["ws", "sse", "poll"],
      open: (way, handlers) => this.#open(way, handlers),
      message: (event) => this.#take(event),
      tell: (state) => this.#connected(state),
      isOver: (close) => this.#isOver(close),
    });
  }

  /** The first status; the events follow it. */
  async begin() {
    try {
      this.status = await get(`/executions/${this.#id}/status`, { signal: this.#leaving.signal });
    } catch (error) {
      if (!this.#leaving.signal.aborted) this.#tell.failed(error);
      return;
    }
    this.last = Math.max(0, this.status.last_seq - TAIL_EVENTS);
    this.#tell.changed();
    this.#connection.start();
  }

  leave() {
    this.#leaving.abort();
    this.#refresh.cancel();
    clearTimeout(this.#settling);
    clearInterval(this.#revisiting);
    this.#connection.stop();
  }

  /** Asks for the status; where that is under way, once more when it is done. */
  async refresh() {
    if (this.#isRefreshing) {
      this.#isStale = true;
      return;
    }
    this.#isRefreshing = true;
    try {
      const status = await get(`/executions/${this.#id}/status`, { signal: this.#leaving.signal });
      // A report may have come by the other way while this was under way: then it is too old, and asked for again.
      if (status.last_seq < this.status.last_seq) this.#isStale = true;
      else this.status = status;
      this.#tell.changed();
    } catch (error) {
      // Where the server is away, the connection says so, and asks again when it is back.
      if (!this.#leaving.signal.aborted && error instanceof Refused) this.#tell.failed(error);
    }
    this.#isRefreshing = false;
    if (this.#isStale && !this.#leaving.signal.aborted) {
      this.#isStale = false;
      this.#refresh();
    }
  }

  /** Does what a button says, and shows what came of it. */
  async act(action, body, options) {
    const answer = await post(`/executions/${this.#id}/${action}`, body, options);
    await this.refresh();
    if (this.connection.phase === "ended" && this.status.last_seq > this.last) this.#connection.start();
    return answer;
  }

  /** Events before the `seq` of the oldest that is shown. */
  async earlier(before, count) {
    const after = Math.max(0, before - 1 - count);
    return this.eventsAfter(after, Math.min(count, before - 1));
  }

  async eventsAfter(after, limit) {
    return get(`/executions/${this.#id}/events?after=${after}&limit=${limit}`, { signal: this.#leaving.signal });
  }

  #open(way, handlers) {
    switch (way) {
      case "ws":
        return openSocket(`/ws/${this.#id}?after=${this.last}`, handlers);
      case "sse":
        return openEventSource(this.#id, this.last, handlers);
      default:
        return openPolling(this.#id, () => this.last, handlers);
    }
  }

  #connected(state) {
    this.connection = state;
    this.#tell.connection(state);
    clearInterval(this.#revisiting);
    if (state.phase === "live") {
      this.#refresh();
      // Nothing may come any more, and not every way says so.
      if (isEnded(this.status)) this.#settleSoon();
    }
    if (state.phase === "ended") {
      this.refresh();
      this.#revisiting = setInterval(() => this.#revisit(), REVISIT_MILLISECONDS);
    }
  }

  #take(event) {
    if (!Number.isInteger(event.seq) || event.seq <= this.last) return;
    if (event.seq !== this.last + 1) {
      // A hole: what is missing comes when we ask again from what we have.
      this.#connection.start();
      return;
    }
    this.last = event.seq;
    this.#tell.event(event);
    clearTimeout(this.#settling);
    if (FINAL.has(event.event)) this.#settleSoon();
    if (event.seq <= this.status.last_seq) return;
    if (event.event === "step_progress") this.#progress(event);
    else this.#refresh();
  }

  /** Takes a report into the status that is shown, without asking for it again. */
  #progress(event) {
    const running = this.status.steps_history.filter((entry) => entry.status === "running");
    const names = [event.step_name, event.step];
    const entry = running.find((one) => one.step_name === event.step_name) ?? running.find((one) => names.includes(one.handler));
    if (!entry) {
      this.#refresh();
      return;
    }
    entry.progress = event.progress;
    this.status.last_seq = event.seq;
    this.status.updated_at = event.timestamp;
    this.status.progress.overall_percentage = event.overall_percentage;
    this.status.progress.estimated_remaining_seconds = event.progress.estimated_remaining_seconds ?? null;
    this.#tell.changed();
  }

  #settleSoon() {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#settle(), SETTLE_MILLISECONDS);
  }

  /** Nothing came after a final event: ask whether it was the last one. */
  async #settle() {
    if (this.connection.phase === "live" && (await this.#isOver({ code: 0 }))) this.#connection.finish();
  }

  async #isOver() {
    await this.refresh();
    return this.status !== null && isEnded(this.status) && this.status.last_seq <= this.last;
  }

  async #revisit() {
    if (document.hidden) return;
    await this.refresh();
    if (this.connection.phase === "ended" && this.status.last_seq > this.last) this.#connection.start();
  }
}
