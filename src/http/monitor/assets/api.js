// Requests to the server that the page came from, below whatever prefix it is reached by.

const BASE = location.origin + location.pathname.replace(/\/+monitor\/*$/, "");

/** How far the server's clock is ahead of ours, in milliseconds. */
let clockAhead = 0;

/** The whole address of a path of the API, such as `/executions`. */
export function address(path) {
  return BASE + path;
}

/** The address of a socket. */
export function socketAddress(path) {
  return address(path).replace(/^http/, "ws");
}

/** The time by the server's clock. */
export function serverNow() {
  return Date.now() + clockAhead;
}

/** The server answered, and refused; `message` is its own sentence. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
  }
}

/** The server cannot be reached. */
export class Unreachable extends Error {}

/** Asks the server and answers its JSON, or throws `Refused` or `Unreachable`. */
export async function ask(method, path, { body, headers = {}, signal } = {}) {
  const options = { method, signal, headers: { accept: "application/json", ...headers }, cache: "no-store" };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = typeof body === "string" ? body : JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(address(path), options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable(error.message);
  }
  learnClock(response.headers.get("date"));
  let answer;
  try {
    answer = response.status === 204 ? null : await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (response.ok) throw new Unreachable(error.message);
    answer = {};
  }
  if (!response.ok) throw new Refused(response.status, answer ?? {});
  return answer;
}

export const get = (path, options) => ask("GET", path, options);
export const post = (path, body, options) => ask("POST", path, { body: body ?? {}, ...options });

/** Whether the server answers at all. */
export async function isAlive() {
  try {
    const patience = AbortSignal.timeout(4_000);
    await get("/health", { signal: patience });
    return true;
  } catch {
    return false;
  }
}

/** Whether to say "cannot be reached" or what the server said. */
export function isUnreachable(error) {
  return error instanceof Unreachable;
}

function learnClock(date) {
  const ahead = Date.parse(date) + 500 - Date.now();
  // The header has whole seconds: a smaller difference says nothing.
  if (Number.isFinite(ahead)) clockAhead = Math.abs(ahead) > 2_000 ? ahead : 0;
}
