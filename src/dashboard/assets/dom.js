// What the other files share: elements without markup, numbers, times.
//
// Text reaches the page through `textContent` alone, so whatever a user chose, or a node says of itself, is shown as it is.

export const byId = (id) => document.getElementById(id);

/** An element with attributes; a function among them is a listener. Strings become text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** Sets a text, if it is another one, so that what a user has selected stays. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const whole = new Intl.NumberFormat("en");
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
export const number = (value) => whole.format(value);
export const rate = (value) => tenth.format(value);

export const seconds = (value) => (value === null ? "" : `${value.toFixed(1)} s`);

/** The time of day of a moment, which the server says as seconds since 1970. */
export function clock(at) {
  return new Date(at * 1000).toLocaleTimeString([], { hour12: false });
}

/** The same as an element. */
export function time(at) {
  return make("time", { datetime: new Date(at * 1000).toISOString() }, clock(at));
}

/** JSON from a path below the mount path. */
export async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server does not answer");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(answer.message || `the server answers ${response.status}`);
    error.name = answer.error || "failed";
    throw error;
  }
  return answer;
}
