// The table. The server looks at some thousand sessions for a request; a table that is sorted or
// filtered asks again until it has seen all, and shows the best so far.

import { ask, byId, make, number, say } from "./dom.js";
import { openSession } from "./session.js";

const LIMIT = 100;
const REFRESH = 2000;
const COLUMNS = [
  { key: "id", title: "Id", text: (row) => row.id },
  { key: "label", title: "Label", text: (row) => row.label ?? "" },
  { key: "state", title: "State", text: (row) => row.state },
  { key: "incarnation", title: "Incarnation", text: (row) => number(row.incarnation), kind: "number wide" },
  { key: "restarts", title: "Restarts", text: (row) => number(row.restarts), kind: "number" },
  { key: null, title: "Last exit", text: (row) => (row.last_exit ?? "").replace("_", " "), kind: "wide" },
];

const STATES = ["stuck", "parked", "restarting", "starting", "stopping", "running"];

/** What is shown: which sessions, in which order, from where on. */
const view = { state: "", find: "", sort: "started", order: "asc", from: {} };
let walk = null;
let next = null;
let requests = 0;
let known = 0;
let tile = () => {};

/** How many sessions there are, for the status. */
export function knownIs(count) {
  known = count;
}

/** Shows the sessions of one state, or all. */
export function filterState(state) {
  byId("state").value = state;
  change({ state });
}

export function onFilter(listener) {
  tile = listener;
}

function change(changed) {
  Object.assign(view, changed, { from: {} });
  tile(view.state);
  load();
}

async function load() {
  walk?.abort();
  const mine = new AbortController();
  walk = mine;
  const sorted = view.sort !== "started";
  const [rows, seen] = [[], new Set()];
  let [after, looked, exact] = [view.from.after ?? null, 0, null];
  requests = 0;
  try {
    do {
      const query = new URLSearchParams({ sort: view.sort, order: view.order, limit: LIMIT });
      if (view.state) query.set("state", view.state);
      if (view.find) query.set("find", view.find);
      if (after) query.set("after", after);
      if (view.from.beyond) {
        query.set("beyond_id", view.from.beyond.id);
        query.set("beyond", view.from.beyond[view.sort] ?? "");
      }
      const part = await ask(`api/sessions?${query}`, { signal: mine.signal });
      requests += 1;
      looked += part.looked_at;
      exact ??= part.exact;
      after = part.next;
      for (const row of part.sessions) {
        if (!seen.has(row.id)) rows.push(row);
        seen.add(row.id);
      }
      if (sorted) {
        rows.sort(compare);
        rows.length = Math.min(rows.length, LIMIT);
      }
      const more = after !== null;
      show(rows, exact, looked, more && (sorted || rows.length < LIMIT));
    } while (after !== null && (sorted || rows.length < LIMIT));
    next = null;
    if (sorted && rows.length === LIMIT) next = { beyond: rows.at(-1) };
    if (!sorted && after !== null) next = { after };
    show(rows, exact, looked, false);
  } catch (error) {
    if (error.name !== "AbortError") say(byId("table-status"), `not loaded: ${error.message}`);
  }
}

/** As the server sorts: by the column, then by the id. */
function compare(a, b) {
  const key = (row) => (view.sort === "state" ? STATES.indexOf(row.state) : row[view.sort] ?? "");
  const one = order(key(a), key(b)) || order(a.id, b.id);
  return view.order === "asc" ? one : -one;
}

// By the bytes of UTF-8, as the server: by code points, where JavaScript has units of UTF-16.
function order(a, b) {
  if (typeof a === "number") return a - b;
  const [one, other] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(one.length, other.length); i++) {
    if (one[i] !== other[i]) return one[i].codePointAt(0) - other[i].codePointAt(0);
  }
  return one.length - other.length;
}

function show(rows, exact, looked, looking) {
  const body = byId("rows");
  const focused = document.activeElement?.closest?.("#rows tr")?.dataset.id;
  const shown = exact ? [exact, ...rows.filter((row) => row.id !== exact.id)] : rows;
  const old = new Map(Array.from(body.children, (line) => [line.dataset.id, line]));
  const lines = shown.map((row) => fill(old.get(row.id) ?? line(row.id), row));
  const same = lines.length === body.children.length && lines.every((line, i) => line === body.children[i]);
  if (!same) {
    body.replaceChildren(...lines);
    const again = lines.find((line) => line.dataset.id === focused);
    if (again) again.focus({ preventScroll: true });
  }
  // One row is a stop of the tab key: the one that has the focus, or the first.
  const stop = lines.find((line) => line === document.activeElement) ?? lines[0];
  for (const line of lines) line.tabIndex = line === stop ? 0 : -1;
  byId("next").disabled = looking || next === null;
  byId("first").disabled = Object.keys(view.from).length === 0;
  const of = looking ? `looking: ${number(looked)} of ${number(known)} sessions` : `${number(shown.length)} shown`;
  const all = !looking && looked > shown.length ? `, ${number(looked)} looked at` : "";
  say(byId("table-status"), `${of}${all}`);
}

function line(id) {
  const made = make("tr", { tabindex: "-1" }, COLUMNS.map((column) => make("td", { class: column.kind ?? column.key })));
  made.dataset.id = id;
  made.addEventListener("click", () => openSession(id));
  made.addEventListener("focus", () => {
    for (const other of byId("rows").children) other.tabIndex = other === made ? 0 : -1;
  });
  return made;
}

function fill(line, row) {
  COLUMNS.forEach((column, at) => say(line.children[at], column.text(row)));
  line.children[2].className = `state ${row.state}`;
  return line;
}

function columns() {
  const heads = COLUMNS.map((column) => {
    const head = make("th", { scope: "col", class: column.kind });
    if (column.key === null) {
      head.append(column.title);
      return head;
    }
    const active = view.sort === column.key;
    if (active) head.setAttribute("aria-sort", view.order === "asc" ? "ascending" : "descending");
    const sort = () => {
      const first = column.kind ? "desc" : "asc";
      if (!active) change({ sort: column.key, order: first });
      else if (view.order === first) change({ order: first === "asc" ? "desc" : "asc" });
      else change({ sort: "started", order: "asc" });
      columns();
      byId("columns").querySelector(`[data-key="${column.key}"]`).focus();
    };
    const arrow = active ? (view.order === "asc" ? " ▲" : " ▼") : "";
    const button = make("button", { type: "button", click: sort }, column.title + arrow);
    button.dataset.key = column.key;
    head.append(button);
    return head;
  });
  byId("columns").replaceChildren(...heads);
}

function keys(event) {
  const lines = Array.from(byId("rows").children);
  const at = lines.indexOf(event.target);
  if (at < 0) return;
  const last = lines.length - 1;
  const to = {
    ArrowDown: Math.min(at + 1, last),
    ArrowUp: Math.max(at - 1, 0),
    PageDown: Math.min(at + 10, last),
    PageUp: Math.max(at - 10, 0),
    Home: 0,
    End: last,
  }[event.key];
  if (event.key === "Enter" || event.key === " ") openSession(event.target.dataset.id);
  else if (to !== undefined) lines[to].focus();
  else return;
  event.preventDefault();
}

export function begin() {
  columns();
  byId("rows").addEventListener("keydown", keys);
  byId("state").addEventListener("change", (event) => change({ state: event.target.value }));
  let typed = null;
  byId("find").addEventListener("input", (event) => {
    clearTimeout(typed);
    typed = setTimeout(() => change({ find: event.target.value }), 200);
  });
  byId("first").addEventListener("click", () => change({}));
  byId("again").addEventListener("click", load);
  byId("next").addEventListener("click", () => {
    if (!next) return;
    view.from = next;
    load();
  });
  load();
  // What costs more than one request is refreshed by hand.
  setInterval(() => {
    if (!document.hidden && requests === 1) load();
  }, REFRESH);
}
