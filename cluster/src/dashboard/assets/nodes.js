// The table of nodes. Enter on one, or a click, shows its shards alone.

import { byId, make, number, say, seconds } from "./dom.js";
import { color } from "./grid.js";

const COLUMNS = [
  { text: name },
  { text: (node) => node.address, note: (node) => `incarnation ${node.incarnation}` },
  { text: shards, kind: "number" },
  { text: (node) => (node.sessions === null ? "?" : number(node.sessions)), kind: "number" },
  { text: (node) => (node.lease_age === null ? "?" : seconds(node.lease_age)), kind: "number" },
  { text: connection },
  { text: (node) => number(node.weight), kind: "number wide" },
];

let only = null;
let choose = () => {};

function name(node) {
  const marks = [node.connection === "here" ? "here" : null, node.planner ? "plans" : null, node.leaving ? "leaving" : null];
  const shown = marks.filter((mark) => mark !== null);
  return shown.length > 0 ? `${node.name} (${shown.join(", ")})` : node.name;
}

/** How many it owns, and how many it is to own if that is another number. */
function shards(node) {
  return node.planned === null || node.shards === node.planned ? number(node.shards) : `${number(node.shards)} → ${number(node.planned)}`;
}

function connection(node) {
  if (node.connection === "here") return "";
  const parts = [node.connection];
  if (node.connection === "up" && node.heard_ago !== null) parts.push(`heard ${seconds(node.heard_ago)} ago`);
  if (node.in_flight + node.waiting > 0) parts.push(`${number(node.in_flight + node.waiting)} requests`);
  if (node.connection !== "up" && node.last_error) parts.push(node.last_error);
  return parts.join(", ");
}

export function show(nodes, more) {
  const body = byId("node-rows");
  const focused = document.activeElement?.closest?.("#node-rows tr")?.dataset.name;
  const old = new Map(Array.from(body.children, (line) => [line.dataset.name, line]));
  const lines = nodes.map((node) => fill(old.get(node.name) ?? line(node.name), node));
  if (lines.length !== body.children.length || lines.some((line, at) => line !== body.children[at])) {
    body.replaceChildren(...lines);
    lines.find((line) => line.dataset.name === focused)?.focus({ preventScroll: true });
  }
  // One row is a stop of the tab key: the one that has the focus, or the first.
  const stop = lines.find((line) => line === document.activeElement) ?? lines[0];
  for (const line of lines) line.tabIndex = line === stop ? 0 : -1;
  say(byId("nodes-status"), more > 0 ? `${number(more)} more are not shown` : "");
}

/** Marks the node whose shards are shown alone. */
export function showOnly(name) {
  only = name;
  for (const line of byId("node-rows").children) mark(line);
}

export function onChoice(listener) {
  choose = listener;
}

function line(name) {
  const cell = (column) => make("td", { class: column.kind }, make("span"), column.note ? make("small", { class: "wide" }) : null);
  const made = make("tr", { tabindex: "-1" }, COLUMNS.map(cell));
  made.firstChild.prepend(make("span", { class: "swatch" }));
  made.dataset.name = name;
  mark(made);
  made.addEventListener("click", () => toggle(name));
  made.addEventListener("focus", () => {
    for (const other of byId("node-rows").children) other.tabIndex = other === made ? 0 : -1;
  });
  return made;
}

function mark(line) {
  if (line.dataset.name === only) line.setAttribute("aria-current", "true");
  else line.removeAttribute("aria-current");
}

function fill(line, node) {
  COLUMNS.forEach((column, at) => {
    const cell = line.children[at];
    say(column.note ? cell.firstChild : cell.lastChild, column.text(node));
    if (column.note) say(cell.lastChild, column.note(node));
  });
  line.firstChild.firstChild.style.background = color(node.name);
  line.classList.toggle("bad", !["here", "up"].includes(node.connection));
  return line;
}

function toggle(name) {
  choose(name === only ? null : name);
}

function keys(event) {
  const lines = Array.from(byId("node-rows").children);
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
  if (event.key === "Enter" || event.key === " ") toggle(event.target.dataset.name);
  else if (event.key === "Escape") choose(null);
  else if (to !== undefined) lines[to].focus();
  else return;
  event.preventDefault();
}

export function listen() {
  byId("node-rows").addEventListener("keydown", keys);
}
