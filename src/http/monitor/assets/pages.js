// The one table of pages. A page has a name, the path in the fragment (`:name` takes any segment), the entry of the
// navigation that it belongs to, and `open(main, values, query)`, which fills `main` and answers `{ title, leave?,
// change? }`: `leave` ends what it began, `change` takes another query of the same path.

import { openActors } from "./actors.js";
import { openExecution } from "./execution.js";
import { openList } from "./list.js";
import { openStart } from "./start.js";

export const PAGES = [
  { name: "executions", path: ["executions"], under: "executions", open: openList },
  { name: "execution", path: ["executions", ":id"], under: "executions", open: openExecution },
  { name: "start", path: ["start"], under: "start", open: openStart },
  { name: "actors", path: ["actors"], under: "actors", open: openActors },
];

/** What stands in the navigation: the page, and the key of its words. */
export const NAVIGATION = [
  { page: "executions", href: "#/executions", words: "nav.executions" },
  { page: "start", href: "#/start", words: "nav.start" },
  { page: "actors", href: "#/actors", words: "nav.actors" },
];
