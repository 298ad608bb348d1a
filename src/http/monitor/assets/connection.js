// Keeps a way to the server open: opens it, and after a break opens it again, by another way where one is blocked.

import { isAlive } from "./api.js";
import { best, block } from "./transports.js";

const WAIT_MILLISECONDS = 500;
const WAIT_MILLISECONDS_MAX = 5_000;

/**
 * `open(way, { opened, message, closed })` opens a way and answers how to close it. `tell({ phase, way, seconds })` hears
 * how it stands: `connecting`, `live`, `waiting` (for the next try, in `seconds`) or `ended`. `isOver(close)`, asked after each break,
 * says whether that was the end.
 */
export class Connection {
  #ways;
  #open;
  #tell;
  #message;
  #isOver;
  #close = null;
  #timer = null;
  #tries = 0;
  #generation = 0;

  constructor({ ways, open, tell, message, isOver }) {
    this.#ways = ways;
    this.#open = open;
    this.#tell = tell;
    this.#message = message;
    this.#isOver = isOver ?? (async () => false);
  }

  /** Opens it, or opens it anew. */
  start() {
    this.stop();
    const generation = this.#generation;
    const way = best(this.#ways);
    const isMine = () => generation === this.#generation;
    let hasOpened = false;
    if (this.#tries === 0) this.#tell({ phase: "connecting", way });
    this.#close = this.#open(way, {
      opened: () => {
        if (!isMine()) return;
        hasOpened = true;
        this.#tries = 0;
        this.#tell({ phase: "live", way });
      },
      message: (event) => {
        if (isMine()) this.#message(event);
      },
      closed: (close) => {
        if (isMine()) this.#ended(way, hasOpened, close, isMine);
      },
    });
  }

  /** Closes it for good, or until `start`. */
  stop() {
    this.#generation += 1;
    clearTimeout(this.#timer);
    this.#close?.();
    this.#close = null;
  }

  /** Says that nothing more is to come. */
  finish() {
    this.stop();
    this.#tell({ phase: "ended", way: null });
  }

  async #ended(way, hasOpened, close, isMine) {
    if (hasOpened) {
      const isOver = await this.#isOver(close);
      if (!isMine()) return;
      if (isOver) {
        this.finish();
        return;
      }
    }
    const wasBlocked = !hasOpened && way !== this.#ways.at(-1) && (await isAlive());
    if (!isMine()) return;
    if (wasBlocked) {
      // The server answers, this way does not: take the next.
      block(way);
      this.start();
      return;
    }
    this.#tries += 1;
    const longest = Math.min(WAIT_MILLISECONDS * 2 ** (this.#tries - 1), WAIT_MILLISECONDS_MAX);
    // Not all pages at once, when a server comes back.
    const wait = longest * (0.6 + Math.random() * 0.4);
    this.#tell({ phase: "waiting", way, seconds: wait / 1000 });
    this.#timer = setTimeout(() => this.start(), wait);
  }
}
