// All shards as cells in the colour of their owner, on a canvas. What is not as it should be has a shape
// of its own too, and is told in words below it. The table beside it says the same as text.

import { byId, make, number, say } from "./dom.js";

const LARGEST = 20;
const SMALLEST = 7;
const HEIGHT = 300;
const NAMED = 20;

/** By the number of the shard: its row, as the table has it. */
let rows = [];
let place = { cell: LARGEST, columns: 1 };
let cursor = null;
let only = null;
let choose = () => {};

/** The colours in the order in which nodes were seen, so that those that stay keep theirs. */
const seen = new Map();

/** The colour of a node, as a hue: neighbours are far apart. */
function hue(name) {
  if (!seen.has(name)) seen.set(name, (210 + seen.size * 137.508) % 360);
  return seen.get(name);
}

/** The colour of a node. Every eighteenth or so resembles another, so no colour is all that tells. */
export function color(name) {
  const style = getComputedStyle(byId("cells"));
  return `hsl(${hue(name)} ${style.getPropertyValue("--saturation")} ${style.getPropertyValue("--lightness")})`;
}

/** What the server has told of all shards. */
export function begin(grid) {
  grid.names.forEach(hue);
  const name = (at) => (at === null ? null : grid.names[at]);
  const states = new Map();
  for (const shard of grid.unowned) states.set(shard, "unowned");
  for (const shard of grid.moving) states.set(shard, "moving");
  rows = grid.owner.map((owner, shard) => ({
    shard,
    owner: name(owner),
    planned: name(grid.planned[shard]),
    epoch: grid.epoch[shard],
    state: states.get(shard) ?? "owned",
  }));
  if (cursor >= rows.length) cursor = null;
  draw();
}

/** These are not as they were. */
export function change(changed) {
  for (const row of changed) rows[row.shard] = row;
  if (changed.length > 0) draw();
}

/** Shows the shards of one owner, or of all. */
export function showOnly(name) {
  only = name;
  draw();
}

/** What is called with the owner of a shard that was chosen. */
export function onChoice(listener) {
  choose = listener;
}

function draw() {
  tell();
  const canvas = byId("cells");
  const width = canvas.clientWidth;
  if (width === 0 || rows.length === 0) return;
  let cell = LARGEST;
  while (cell > SMALLEST && Math.ceil(rows.length / Math.floor(width / cell)) * cell > HEIGHT) cell -= 1;
  const columns = Math.max(1, Math.floor(width / cell));
  place = { cell, columns };
  const height = Math.ceil(rows.length / columns) * cell;
  const scale = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const look = (name) => style.getPropertyValue(name);
  const colors = new Map(Array.from(seen.keys(), (name) => [name, color(name)]));
  for (const row of rows) {
    const [x, y, size] = [(row.shard % columns) * cell, Math.floor(row.shard / columns) * cell, cell - 1];
    pen.globalAlpha = only === null || row.owner === only || row.planned === only ? 1 : 0.2;
    if (row.owner !== null) {
      pen.fillStyle = colors.get(row.owner) ?? look("--quiet");
      pen.fillRect(x, y, size, size);
    }
    if (row.state === "moving") half(pen, x, y, size, colors.get(row.planned) ?? look("--card"), look("--text"));
    if (row.state === "unowned") crossed(pen, x, y, size, look("--stuck"));
  }
  pen.globalAlpha = 1;
  if (cursor !== null) {
    pen.strokeStyle = look("--text");
    pen.lineWidth = 2;
    pen.strokeRect((cursor % columns) * cell, Math.floor(cursor / columns) * cell, cell - 1, cell - 1);
  }
}

/** On its way: the lower half has the colour of the next owner. */
function half(pen, x, y, size, next, edge) {
  pen.fillStyle = next;
  pen.beginPath();
  pen.moveTo(x + size, y);
  pen.lineTo(x + size, y + size);
  pen.lineTo(x, y + size);
  pen.fill();
  pen.strokeStyle = edge;
  pen.lineWidth = 1;
  pen.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
}

/** Without an owner: an empty cell with a cross. */
function crossed(pen, x, y, size, edge) {
  pen.strokeStyle = edge;
  pen.lineWidth = 1.5;
  pen.strokeRect(x + 0.75, y + 0.75, size - 1.5, size - 1.5);
  pen.beginPath();
  pen.moveTo(x + 1, y + 1);
  pen.lineTo(x + size - 1, y + size - 1);
  pen.moveTo(x + size - 1, y + 1);
  pen.lineTo(x + 1, y + size - 1);
  pen.stroke();
}

/** The same in words. */
function tell() {
  const [counts, unowned, moving] = [new Map(), [], []];
  for (const row of rows) {
    if (row.owner !== null) counts.set(row.owner, (counts.get(row.owner) ?? 0) + 1);
    if (row.state === "unowned") unowned.push(String(row.shard));
    if (row.state === "moving") moving.push(`${row.shard} (${row.owner} → ${row.planned ?? "none"})`);
  }
  say(byId("grid-text"), `${number(rows.length)} shards, ${number(counts.size)} owners, ${number(unowned.length)} unowned, ${number(moving.length)} moving`);
  const parts = [];
  if (unowned.length > 0) parts.push(`Unowned: ${named(unowned)}.`);
  if (moving.length > 0) parts.push(`Moving: ${named(moving)}.`);
  say(byId("trouble"), parts.join(" "));
  const old = new Map(Array.from(byId("legend").children, (item) => [item.dataset.name, item]));
  const items = Array.from(counts.keys()).sort().slice(0, NAMED).map((name) => {
    const item = old.get(name) ?? entry(name);
    say(item.lastChild, ` ${name} ${number(counts.get(name))}`);
    item.firstChild.style.background = color(name);
    return item;
  });
  if (counts.size > NAMED) items.push(make("li", { class: "quiet" }, `and ${number(counts.size - NAMED)} more`));
  const list = byId("legend");
  if (items.length !== list.children.length || items.some((item, at) => item !== list.children[at])) list.replaceChildren(...items);
  say(byId("cell"), cursor === null ? "" : sentence(rows[cursor]));
}

function entry(name) {
  const item = make("li", {}, make("span", { class: "swatch" }), make("span"));
  item.dataset.name = name;
  return item;
}

function named(texts) {
  const more = texts.length > NAMED ? ` and ${number(texts.length - NAMED)} more` : "";
  return texts.slice(0, NAMED).join(", ") + more;
}

function sentence(row) {
  if (!row) return "";
  const owner = row.owner === null ? "no owner" : `owned by ${row.owner} in epoch ${row.epoch}`;
  const planned = row.state === "owned" ? "" : `, planned for ${row.planned ?? "no node"}`;
  return `Shard ${row.shard}: ${owner}${planned}`;
}

function move(to) {
  cursor = Math.min(Math.max(to, 0), rows.length - 1);
  draw();
}

function keys(event) {
  const { columns } = place;
  const from = cursor ?? -1;
  const to = {
    ArrowRight: from + 1,
    ArrowLeft: from - 1,
    ArrowDown: from < 0 ? 0 : from + columns,
    ArrowUp: from - columns,
    Home: 0,
    End: rows.length - 1,
  }[event.key];
  if (event.key === "Enter" && cursor !== null) choose(rows[cursor]?.owner ?? null);
  else if (event.key === "Escape") choose(null);
  else if (to !== undefined && to < rows.length) move(to);
  else return;
  event.preventDefault();
}

function pointed(event) {
  const { cell, columns } = place;
  const [column, line] = [Math.floor(event.offsetX / cell), Math.floor(event.offsetY / cell)];
  const shard = line * columns + column;
  return column < columns && shard < rows.length ? shard : null;
}

export function listen() {
  const canvas = byId("cells");
  canvas.addEventListener("keydown", keys);
  canvas.addEventListener("pointermove", (event) => {
    const shard = pointed(event);
    if (shard !== null && shard !== cursor) move(shard);
  });
  canvas.addEventListener("click", (event) => {
    const shard = pointed(event);
    if (shard !== null) choose(rows[shard].owner);
  });
  canvas.addEventListener("focus", () => {
    if (cursor === null && rows.length > 0) move(0);
  });
  // What is drawn changes the height, which must not be seen by the same observation.
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
