// One session: what is known of it, its past exits, its children, what happens next; and what may be
// done to it.

import { ask, byId, make, number, say, time } from "./dom.js";

const PREFIX = "#session=";
const UNSEEN = { ended: "it has ended", no_answer: "it does not answer", left_out: "not shown" };
let shown = null;
let token = null;
let pending = null;
let opener = null;

/** Whether there are actions: their token, or none. */
export function actionsAre(next) {
  const changed = (next === null) !== (token === null);
  token = next;
  if (changed && shown !== null) load();
}

export function openSession(id) {
  location.hash = PREFIX + encodeURIComponent(id);
}

/** Something has changed of these sessions. */
export function changed(ids) {
  if (shown === null || pending || !ids.has(shown)) return;
  pending = setTimeout(() => {
    pending = null;
    load();
  }, 150);
}

function follow() {
  const { hash } = location;
  let id = null;
  try {
    if (hash.startsWith(PREFIX)) id = decodeURIComponent(hash.slice(PREFIX.length));
  } catch {
    id = null;
  }
  const dialog = byId("session");
  if (id === null || id === "") {
    shown = null;
    if (dialog.open) dialog.close();
    return;
  }
  if (!dialog.open) {
    opener = document.activeElement;
    dialog.showModal();
  }
  shown = id;
  say(byId("session-title"), id);
  say(byId("action-status"), "");
  byId("session-body").replaceChildren();
  byId("actions").replaceChildren();
  load();
}

async function load() {
  const id = shown;
  if (id === null) return;
  try {
    const answer = await ask(`api/session?${new URLSearchParams({ id })}`);
    if (shown === id) show(answer);
  } catch (error) {
    if (shown !== id) return;
    byId("session-body").replaceChildren(make("p", {}, `${id}: ${error.message}`));
    byId("actions").replaceChildren();
  }
}

function show(answer) {
  const row = answer.session;
  const body = byId("session-body");
  const facts = [
    ["State", row.state],
    ["Label", row.label],
    ["Group", row.group],
    ["Claims", row.claims.map((claim) => `${claim.kind}: ${claim.value}`).join(", ")],
    ["Incarnation", number(row.incarnation)],
    ["Restarts", number(row.restarts)],
  ];
  const list = make("dl");
  for (const [name, value] of facts) {
    if (value) list.append(make("dt", {}, name), make("dd", {}, value));
  }
  const parts = [list];
  if (answer.next) {
    parts.push(make("h3", {}, "What happens next"), make("p", { class: "next" }, answer.next));
  }
  parts.push(make("h3", {}, "Past exits"));
  if (answer.earlier > 0) parts.push(make("p", { class: "quiet" }, `${number(answer.earlier)} earlier ones`));
  if (answer.exits.length === 0) parts.push(make("p", { class: "quiet" }, "none"));
  else parts.push(make("ul", { id: "exits" }, answer.exits.map(exit).reverse()));
  if (answer.children) parts.push(make("h3", {}, "Children"), tree({ children: answer.children }));
  body.replaceChildren(...parts);
  if (!byId("actions").dataset.asking) buttons(row);
}

function exit(one) {
  return make("li", {}, time(one.at), ` incarnation ${number(one.incarnation)}, after ${seconds(one.uptime)}: ${one.text}`);
}

function seconds(value) {
  return value < 60 ? `${value.toFixed(value < 10 ? 2 : 0)} s` : `${number(Math.round(value / 60))} min`;
}

function tree({ children, more, unseen }) {
  const items = children.map((child) => {
    const label = child.label ? ` (${child.label})` : "";
    const text = `${child.name}${label}: ${child.state.replace("_", " ")}, incarnation ${number(child.incarnation)}`;
    return make("li", {}, text, child.children ? tree(child) : null);
  });
  if (more > 0) items.push(make("li", { class: "quiet" }, `${number(more)} more`));
  if (unseen) items.push(make("li", { class: "quiet" }, UNSEEN[unseen] ?? unseen));
  if (items.length === 0) items.push(make("li", { class: "quiet" }, "none"));
  return make("ul", {}, items);
}

function buttons(row) {
  if (token === null) {
    byId("actions").replaceChildren();
    return;
  }
  const actions = row.state === "parked" ? ["resume", "discard"] : ["restart", "stop"];
  const made = actions.map((action) => make("button", { type: "button", click: () => confirm(action, row.id) }, title(action)));
  const old = Array.from(byId("actions").children, (button) => button.textContent);
  if (old.join() !== made.map((button) => button.textContent).join()) byId("actions").replaceChildren(...made);
}

const title = (action) => action[0].toUpperCase() + action.slice(1);

function confirm(action, id) {
  const bar = byId("actions");
  bar.dataset.asking = action;
  const done = () => {
    delete bar.dataset.asking;
    bar.replaceChildren();
    load();
    byId("close").focus();
  };
  const yes = make("button", { type: "button", click: () => act(action, id).finally(done) }, `Yes, ${action} it`);
  const no = make("button", { type: "button", click: done }, "No");
  bar.replaceChildren(make("span", {}, `${title(action)} ${id}?`), yes, no);
  no.focus();
}

async function act(action, id) {
  const status = byId("action-status");
  say(status, `${action}: under way`);
  try {
    const answer = await ask("api/action", {
      method: "POST",
      headers: { "x-session-supervisor-token": token ?? "" },
      body: new URLSearchParams({ action, id }),
    });
    say(status, `${action}: ${answer.outcome.replace("_", " ")}`);
  } catch (error) {
    say(status, `${action}: ${error.message}`);
  }
}

export function begin() {
  const dialog = byId("session");
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    shown = null;
    delete byId("actions").dataset.asking;
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    opener?.focus?.({ preventScroll: true });
  });
  addEventListener("hashchange", follow);
  follow();
}
