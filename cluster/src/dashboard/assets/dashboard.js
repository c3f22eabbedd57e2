// The page: what comes from the server, and where it is shown.

import { byId, clock, make, number, say, seconds, time } from "./dom.js";
import * as grid from "./grid.js";
import { connect } from "./live.js";
import * as nodes from "./nodes.js";
import * as shards from "./shards.js";

const KEPT = 100;
const STAGES = { joined: "in the cluster", draining: "draining", leaving: "leaving", rejoining: "joining again", left: "has left" };
const STANDINGS = {
  serving: "admits starts and messages",
  ending: "admits nothing, and stops its sessions",
  over: "admits nothing, and kills what is left",
};
const FAULT_TITLES = {
  not_joined: "it cannot join again",
  unread: "shards cannot be read",
  store_not_responding: "the session store does not answer",
  older_epochs: "etcd is behind the session store",
  unreadable_value: "values in etcd cannot be read",
};

let since = null;
let last = 0;
let total = 0;

const TILES = [
  { key: "nodes", title: "nodes", count: (data) => data.nodes.length + data.more_nodes },
  { key: "all", title: "shards", count: () => total, state: "" },
  { key: "unowned", title: "unowned", count: (data) => data.unowned, state: "unowned" },
  { key: "moving", title: "moving", count: (data) => data.moving, state: "moving" },
  { key: "sessions", title: "sessions", count: sessions },
];

const tiles = TILES.map((tile) => {
  const count = make("b", {}, "…");
  const filters = tile.state !== undefined;
  const attributes = filters ? { type: "button", class: tile.key, click: () => filter(tile.state) } : { class: tile.key };
  const element = make(filters ? "button" : "div", attributes, count, tile.title);
  return { ...tile, count, value: tile.count, element };
});

function filter(state) {
  shards.showState(state);
  byId("shards").scrollIntoView({ block: "nearest" });
}

/** Those of the nodes that have told; a plus says that some have not. */
function sessions(data) {
  const told = data.nodes.filter((node) => node.sessions !== null);
  const sum = told.reduce((sum, node) => sum + node.sessions, 0);
  return told.length === data.nodes.length ? sum : `${number(sum)} +`;
}

/** How it stands at a moment. */
function moment(data) {
  for (const { value, count, element, key } of tiles) {
    const shown = value(data);
    say(count, typeof shown === "number" ? number(shown) : shown);
    element.classList.toggle("some", shown !== 0 && (key === "unowned" || key === "moving"));
  }
  here(data.here);
  nodes.show(data.nodes, data.more_nodes);
  shards.owners(data.nodes.map((node) => node.name));
}

function here(node) {
  say(byId("here-node"), node.node);
  const meter = byId("lease");
  meter.max = node.lease;
  // It admits work for two thirds of the lease, and what is left says when that is over.
  const admits = node.lease_age === null || node.serves_for === null ? 0 : node.lease_age + node.serves_for;
  meter.low = meter.high = Math.min(admits, node.lease);
  meter.optimum = 0;
  meter.value = node.lease_age ?? node.lease;
  const facts = [
    ["Stage", STAGES[node.stage] ?? node.stage],
    ["Standing", STANDINGS[node.standing] ?? "in no cluster: admits nothing"],
    ["Lease", `${seconds(node.lease)}${node.lease_age === null ? "" : `, renewed ${seconds(node.lease_age)} ago`}`],
    ["Admits for", node.serves_for === null ? "" : `${seconds(node.serves_for)} more, if no renewal comes`],
    ["Shards", `${number(node.owned)} served${node.moving > 0 ? `, ${number(node.moving)} on their way` : ""}`],
  ];
  const list = byId("here-facts");
  if (list.children.length === 0) list.append(...facts.flatMap(([name]) => [make("dt", {}, name), make("dd")]));
  facts.forEach(([, text], at) => say(list.children[2 * at + 1], text));
  const warning = byId("warning");
  const bad = node.standing !== "serving";
  say(warning, bad ? `Node ${node.node} ${STANDINGS[node.standing] ?? "is in no cluster and admits nothing"}.` : "");
  warning.hidden = !bad;
  faults(node);
}

/** What keeps the node from its work. The title is read aloud: it changes with the kinds, and not as time goes on. */
function faults(node) {
  const texts = node.faults.map((fault) => fault.text);
  if (node.more_faults > 0) texts.push(`${number(node.more_faults)} more, not shown`);
  const kinds = new Set(node.faults.map((fault) => FAULT_TITLES[fault.kind] ?? fault.kind));
  byId("faults").hidden = texts.length === 0;
  say(byId("faults-title"), texts.length === 0 ? "" : `Faults of node ${node.node}: ${[...kinds].join(", ")}`);
  const list = byId("fault-list");
  while (list.children.length > texts.length) list.lastChild.remove();
  while (list.children.length < texts.length) list.append(make("li"));
  texts.forEach((text, at) => say(list.children[at], text));
}

function line(change) {
  return make("li", { class: change.warning ? "warning" : null }, time(change.at), change.text);
}

function note(text) {
  byId("changes").prepend(make("li", { class: "note" }, text));
}

function feed(changes, more) {
  const fresh = changes.filter((change) => change.number > last);
  if (fresh.length > 0) last = fresh.at(-1).number;
  const lines = fresh.map(line);
  if (more > 0) lines.unshift(make("li", { class: "note" }, `${number(more)} more, not shown`));
  const list = byId("changes");
  list.prepend(...lines.reverse());
  while (list.children.length > KEPT) list.lastChild.remove();
}

function only(name) {
  grid.showOnly(name);
  nodes.showOnly(name);
  shards.showOnly(name);
}

byId("tiles").replaceChildren(...tiles.map((tile) => tile.element));
for (const part of [grid, nodes, shards]) {
  part.onChoice(only);
  part.listen();
}
connect({
  overview(data) {
    say(byId("name"), data.cluster);
    document.title = `Cluster ${data.cluster}`;
    total = data.shards.count;
    // The server forgets what it has seen when no page is open, and begins to count anew.
    if (data.since !== since) {
      if (since === null) say(byId("since"), `since ${clock(data.since)}`);
      else note(`no page was open until ${clock(data.since)}: what happened before that is not told`);
      since = data.since;
      last = 0;
    }
    grid.begin(data.shards);
    moment(data);
    feed(data.changes, 0);
    shards.changed();
  },
  tick: moment,
  changes(data) {
    grid.change(data.shards);
    if (data.shards.length > 0) shards.changed();
    feed(data.changes, data.more);
  },
  lagged(data) {
    note(`this page was too slow and lost ${number(data.frames)} updates`);
  },
}, { error: "node_left", text: "This node has left the cluster. What you see is what it knew last." });
