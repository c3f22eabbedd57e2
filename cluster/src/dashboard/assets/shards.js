// The table of shards: the text of the grid. The server filters it and answers a page at a time.

import { ask, byId, make, number, say } from "./dom.js";

const LIMIT = 100;
const COLUMNS = [
  { text: (row) => String(row.shard), kind: "number" },
  { text: (row) => row.owner ?? "none" },
  { text: (row) => (row.epoch === null ? "" : String(row.epoch)), kind: "number" },
  { text: (row) => row.state, kind: "state" },
  { text: (row) => (row.state === "owned" ? "" : (row.planned ?? "no node")) },
  { text: (row) => row.here ?? "", kind: "wide" },
];

/** What is shown: which shards, and from where on. */
const view = { owner: "", state: "", after: "" };
let next = null;
let walk = null;
let due = null;
let choose = () => {};

function change(changed) {
  Object.assign(view, { after: "" }, changed);
  load();
}

/** Shows the shards of one owner, or of all. */
export function showOnly(name) {
  const select = byId("owner");
  owners([name ?? ""]);
  select.value = name ?? "";
  if (view.owner !== select.value) change({ owner: select.value });
}

/** Shows the shards in one state, or all. */
export function showState(state) {
  byId("state").value = state;
  change({ state });
}

/** The owners that can be chosen. Those that were stay. */
export function owners(names) {
  const select = byId("owner");
  const known = new Set(Array.from(select.options, (option) => option.value));
  for (const name of names) if (!known.has(name)) select.append(make("option", {}, name));
}

export function onChoice(listener) {
  choose = listener;
}

/** Something has changed: what is shown is asked for again, soon, and once for all that comes. */
export function changed() {
  due ??= setTimeout(() => {
    due = null;
    load();
  }, 100);
}

async function load() {
  walk?.abort();
  const mine = new AbortController();
  walk = mine;
  const query = new URLSearchParams({ limit: LIMIT, ...view });
  try {
    const table = await ask(`api/shards?${query}`, { signal: mine.signal });
    show(table);
  } catch (error) {
    if (error.name !== "AbortError") say(byId("table-status"), `not loaded: ${error.message}`);
  }
}

function show(table) {
  const body = byId("shard-rows");
  const lines = table.shards.map((row, at) => {
    const line = body.children[at] ?? make("tr", {}, COLUMNS.map((column) => make("td", { class: column.kind })));
    COLUMNS.forEach((column, cell) => say(line.children[cell], column.text(row)));
    line.children[3].className = `state ${row.state}`;
    return line;
  });
  while (body.children.length > lines.length) body.lastChild.remove();
  body.append(...lines.slice(body.children.length));
  next = table.next;
  byId("next").disabled = next === null;
  byId("first").disabled = view.after === "";
  say(byId("table-status"), `${number(lines.length)} of ${number(table.matching)} shown`);
}

export function listen() {
  byId("owner").addEventListener("change", (event) => choose(event.target.value || null));
  byId("state").addEventListener("change", (event) => change({ state: event.target.value }));
  byId("first").addEventListener("click", () => change({}));
  byId("next").addEventListener("click", () => {
    if (next !== null) change({ after: String(next) });
  });
}
