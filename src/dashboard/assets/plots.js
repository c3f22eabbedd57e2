// The plots of the last 15 minutes, on canvases of the page's own.

import { byId, make, number, rate, say } from "./dom.js";

const SPAN = 15 * 60;
const SMOOTH = 10;
const GAUGES = ["running", "starting", "restarting", "stopping", "parked", "stuck"];
const TOTALS = ["starts", "restarts", "failures"];

/** Columns of one length: `at`, the gauges, the totals. */
let history = { at: [] };

/** All that the server has kept. */
export function begin(columns) {
  history = columns;
  draw();
}

/** One more second. */
export function add(tick) {
  const totals = { ...tick.totals, failures: tick.totals.failures + tick.totals.failed_starts };
  history.at.push(tick.now);
  for (const name of GAUGES) history[name].push(tick.sessions[name]);
  for (const name of TOTALS) history[name].push(totals[name]);
  while (history.at.length > 0 && tick.now - history.at[0] > SPAN) {
    for (const column of Object.values(history)) column.shift();
  }
  draw();
}

/** How many there were a second, over the ten seconds before each moment. */
function rates(name) {
  const column = history[name];
  let from = 0;
  return column.map((total, i) => {
    while (history.at[i] - history.at[from] > SMOOTH) from++;
    const time = history.at[i] - history.at[from];
    return time > 0 ? Math.max(0, total - column[from]) / time : 0;
  });
}

class Plot {
  constructor(key, names, stacked, values, format) {
    Object.assign(this, { names, stacked, values, format });
    this.canvas = byId(`plot-${key}`);
    this.legend = names.map((name) => make("li", { class: name }));
    byId(`legend-${key}`).replaceChildren(...this.legend);
    this.pointed = null;
    this.canvas.addEventListener("pointermove", (event) => {
      this.pointed = event.offsetX / this.canvas.clientWidth;
      this.draw();
    });
    this.canvas.addEventListener("pointerleave", () => {
      this.pointed = null;
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  draw() {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const count = history.at.length;
    if (width === 0 || count === 0) return;
    const scale = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide;
      canvas.height = high;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const columns = this.names.map(this.values);
    const sums = new Array(count).fill(0);
    if (this.stacked) for (const column of columns) column.forEach((value, i) => (sums[i] += value));
    const highest = this.stacked ? Math.max(...sums) : Math.max(...columns.flat());
    const top = nice(highest);
    const end = history.at[count - 1];
    const x = (i) => width * (1 - (end - history.at[i]) / SPAN);
    const y = (value) => height - 3 - (height - 18) * (value / top);

    pen.font = `11px ${style.fontFamily}`;
    pen.strokeStyle = style.getPropertyValue("--line");
    pen.fillStyle = style.getPropertyValue("--quiet");
    pen.lineWidth = 1;
    for (const value of [0, top / 2, top]) {
      if (this.stacked && !Number.isInteger(value)) continue;
      line(pen, 0, y(value), width, y(value));
      if (value > 0) pen.fillText(this.format(value), 2, y(value) - 2);
    }
    const below = new Array(count).fill(0);
    this.names.forEach((name, n) => {
      const color = style.getPropertyValue(`--${name}`);
      pen.strokeStyle = color;
      pen.fillStyle = color;
      const above = columns[n].map((value, i) => (this.stacked ? below[i] + value : value));
      const seen = columns[n].some((value) => value > 0);
      if (seen || !this.stacked) {
        pen.beginPath();
        for (let i = 0; i < count; i++) pen.lineTo(x(i), y(above[i]));
        pen.lineWidth = 1.5;
        // A line of its own would hide what is below a part that is empty.
        if (!this.stacked || this.names.length === 1) pen.stroke();
        if (this.stacked) {
          for (let i = count - 1; i >= 0; i--) pen.lineTo(x(i), y(below[i]));
          pen.globalAlpha = this.names.length === 1 ? 0.45 : 0.85;
          pen.fill();
          pen.globalAlpha = 1;
        }
      }
      if (this.stacked) above.forEach((value, i) => (below[i] = value));
    });
    this.tell(columns, end, pen, x, height, style);
  }

  /** The figures below the plot: those of the moment under the pointer, or the last. */
  tell(columns, end, pen, x, height, style) {
    let at = history.at.length - 1;
    if (this.pointed !== null) {
      const wanted = end - SPAN * (1 - this.pointed);
      while (at > 0 && history.at[at] > wanted) at--;
      pen.strokeStyle = style.getPropertyValue("--quiet");
      line(pen, x(at), 0, x(at), height);
    }
    const ago = Math.round(end - history.at[at]);
    const texts = this.names.map((name, n) => `${name} ${this.format(columns[n][at])}`);
    texts.forEach((text, n) => say(this.legend[n], n === 0 && ago > 0 ? `${text} (${ago} s ago)` : text));
    this.canvas.setAttribute("aria-label", `${texts.join(", ")}`);
  }
}

function line(pen, fromX, fromY, toX, toY) {
  pen.beginPath();
  pen.moveTo(fromX, Math.round(fromY) + 0.5);
  pen.lineTo(toX, Math.round(toY) + 0.5);
  pen.stroke();
}

/** A round number that is not less. */
function nice(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

const gauge = (name) => history[name];
const plots = [
  new Plot("running", ["running"], true, gauge, number),
  new Plot("other", GAUGES.slice(1), true, gauge, number),
  new Plot("rates", TOTALS, false, rates, rate),
];

function draw() {
  for (const plot of plots) plot.draw();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
