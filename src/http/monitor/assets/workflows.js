// The definitions, as the list and the start page know them.

import { get } from "./api.js";

const PAGE_WORKFLOWS = 100;
/** More are not offered in a list to choose from. */
export const WORKFLOWS_MAX = 2_000;

/** The workflows by name. */
export async function loadWorkflows(signal) {
  const found = [];
  while (found.length < WORKFLOWS_MAX) {
    const page = await get(`/workflows?limit=${PAGE_WORKFLOWS}&offset=${found.length}`, { signal });
    found.push(...page);
    if (page.length < PAGE_WORKFLOWS) break;
  }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}
