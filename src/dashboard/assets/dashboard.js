// The page: what comes from the server, and where it is shown.

import { byId, make, number, say, time } from "./dom.js";
import { connect } from "./live.js";
import * as plots from "./plots.js";
import * as session from "./session.js";
import * as table from "./table.js";

const STATES = ["running", "starting", "restarting", "stopping", "parked", "stuck"];
const KEPT = 100;
// Steps of a start whose end is shown too.
const STEPS = new Set(["queued", "launching"]);

let paused = false;
let revision = -1;
let held = 0;

const tiles = ["known", ...STATES].map((state) => {
  const count = make("b", {}, "…");
  const filter = state === "known" ? "" : state;
  const button = make("button", { type: "button", class: state, "aria-pressed": "false", click: () => table.filterState(filter) }, count, state);
  return { state, filter, count, button };
});

function gauges(sessions) {
  for (const { state, count } of tiles) say(count, number(sessions[state]));
  table.knownIs(sessions.known);
}

const times = (count) => (count === 1 ? "once" : `${number(count)} times`);

function worst(list) {
  const items = list.map((one) => {
    const open = make("button", { type: "button", class: "link", click: () => session.openSession(one.id) }, one.id);
    const label = one.label ? ` (${one.label})` : "";
    return make("li", {}, open, label, ` failed ${times(one.failures)}; last `, time(one.at), one.last);
  });
  if (items.length === 0) items.push(make("li", { class: "quiet" }, "no failures"));
  const texts = (lines) => Array.from(lines, (line) => line.textContent).join("\n");
  const old = byId("worst-list");
  // A button that has the focus keeps it while nothing is new.
  if (texts(old.children) !== texts(items)) old.replaceChildren(...items);
}

function line(change) {
  const open = change.id === null ? "the supervisor" : make("button", { type: "button", class: "link", click: () => session.openSession(change.id) }, change.id);
  const label = change.label ? ` (${change.label})` : "";
  const role = change.role ? ` / ${change.role}` : "";
  return make("li", { class: change.failure ? "failure" : null }, time(change.at), open, `${label}${role}: ${change.text}`);
}

function note(text) {
  return make("li", { class: "note" }, text);
}

function feed({ changes, more, lost }) {
  const fresh = changes.filter((change) => change.revision > revision);
  if (fresh.length > 0) revision = fresh.at(-1).revision;
  session.changed(new Set(fresh.map((change) => change.id)));
  if (paused) {
    held += fresh.length + more;
    say(byId("pause"), `Go on (${number(held)} more)`);
    return;
  }
  const only = byId("failures-only").checked;
  const wanted = fresh.filter((change) => change.failure || !(only || STEPS.has(change.event)));
  const lines = wanted.map(line);
  if (more > 0) lines.unshift(note(`${number(more)} more, not shown`));
  if (lost > 0) lines.unshift(note(`${number(lost)} were lost: they came too fast`));
  const list = byId("changes");
  list.prepend(...lines.reverse());
  while (list.children.length > KEPT) list.lastChild.remove();
}

byId("pause").addEventListener("click", (event) => {
  paused = !paused;
  event.target.setAttribute("aria-pressed", String(paused));
  say(event.target, paused ? "Go on" : "Pause");
  if (!paused && held > 0) byId("changes").prepend(note(`${number(held)} passed while it was paused`));
  held = 0;
});

addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, dialog");
  if (event.key === "/" && !typing) {
    byId("find").focus();
    event.preventDefault();
  }
});

byId("tiles").replaceChildren(...tiles.map((tile) => tile.button));
table.onFilter((state) => {
  for (const { filter, button } of tiles) button.setAttribute("aria-pressed", String(filter === state && state !== ""));
});
table.begin();
session.begin();
connect({
  overview(data) {
    say(byId("name"), data.supervisor);
    document.title = `Sessions of ${data.supervisor}`;
    session.actionsAre(data.token ?? null);
    gauges(data.sessions);
    plots.begin(data.history);
    worst(data.worst);
    // A supervisor that began anew counts from the beginning.
    const last = data.recent.at(-1)?.revision ?? -1;
    if (last < revision) {
      revision = -1;
      byId("changes").replaceChildren(note("the program was started anew"));
    }
    feed({ changes: data.recent, more: 0, lost: 0 });
  },
  tick(data) {
    gauges(data.sessions);
    plots.add(data);
    worst(data.worst);
  },
  changes: feed,
  lagged(data) {
    byId("changes").prepend(note(`this page was too slow and lost ${number(data.frames)} updates`));
  },
}, { error: "supervisor_down", text: "The supervisor has ended. What you see is its last state." });
