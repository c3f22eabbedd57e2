// The connection: server-sent events, and what the page says when there are none.

import { byId, clock, say } from "./dom.js";

// The server sends something each second.
const SILENCE = 5000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10000;

let source = null;
let last = 0;
let pause = FIRST_PAUSE;
let retry = null;
let state = "waiting";
let handlers = {};
let end = {};

/**
 * Connects, and calls a handler for each event: overview, tick, changes, lagged. `its_end`: the error that an
 * ended server answers with, and the text that the page shows then.
 */
export function connect(with_handlers, its_end) {
  handlers = with_handlers;
  end = its_end;
  open();
  setInterval(() => {
    if (source && performance.now() - last > SILENCE) lost("nothing has come for 5 s");
  }, 1000);
  // A browser has few connections to one host, so a page that is not seen gives its own up.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else open();
  });
}

function open() {
  clearTimeout(retry);
  close();
  last = performance.now();
  source = new EventSource("api/events");
  for (const name of ["overview", "tick", "changes", "lagged", "ended"]) {
    source.addEventListener(name, (event) => take(name, JSON.parse(event.data)));
  }
  source.addEventListener("error", () => lost("the connection broke"));
}

function close() {
  if (source) source.close();
  source = null;
}

function take(name, data) {
  last = performance.now();
  if (name === "ended") {
    show("ended", "ended", end.text);
    again();
    return;
  }
  pause = FIRST_PAUSE;
  show("live", "live", "");
  handlers[name](data);
}

async function lost(why) {
  close();
  if (state !== "lost" && state !== "ended") {
    show("lost", "no connection", `The server is lost since ${clock(Date.now() / 1000)}: ${why}. Trying again.`);
  }
  again();
  // An answer that is no stream says why.
  try {
    const response = await fetch("api/overview", { cache: "no-store" });
    const answer = await response.json();
    if (answer.error === end.error) {
      show("ended", "ended", end.text);
    } else if (response.ok) {
      show("lost", "no events", "The server sends no events to this page: too many may be open. Trying again.");
    } else {
      show("lost", "no connection", `The server says: ${answer.message}. Trying again.`);
    }
  } catch {
    // It is as lost as was said.
  }
}

function again() {
  close();
  clearTimeout(retry);
  retry = setTimeout(() => {
    if (!document.hidden) open();
  }, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

function show(next, word, sentence) {
  if (next === "live" && state === "live") return;
  state = next;
  const connection = byId("connection");
  connection.className = next;
  say(connection, word);
  say(byId("lost"), sentence);
  byId("lost").hidden = sentence === "";
  document.body.classList.toggle("stale", next !== "live");
}
