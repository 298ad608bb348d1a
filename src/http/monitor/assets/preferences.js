// What a person chose, kept by their browser where it keeps anything.

const PREFIX = "discovery.monitor.";

export function read(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function write(name, value) {
  try {
    if (value === null) {
      localStorage.removeItem(PREFIX + name);
    } else {
      localStorage.setItem(PREFIX + name, value);
    }
  } catch {
    // It holds until the page is closed.
  }
}
