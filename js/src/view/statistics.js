/**
 * Numbers of what flows between this page and the kernel, each with a small line of its last minute.
 * @import { Session } from "../session.js"
 */
import { create } from "./dom.js";

const EVERY = 1000;
/** Values in a line: a minute. */
const KEPT = 60;
const WIDTH = 96;
const HEIGHT = 20;

/** @typedef {{fps?: number, delay?: number, bitrate?: number, drops?: number}} Numbers Seconds, bits a second. */
/** @typedef {{at: number, frames?: number, bytes: number, held: number, emitted: number, drops: number, trip?: number}} Counts */
/** @typedef {{type: string, kind?: string, timestamp: number} & Record<string, any>} Entry */

/** @type {{name: keyof Numbers, title: string, meaning: string, text: (value: number) => string}[]} */
const ROWS = [
  {
    name: "fps",
    title: "pictures",
    meaning: "Pictures a second",
    text: (value) => `${Math.round(value)}/s`,
  },
  {
    name: "delay",
    title: "delay",
    meaning: "Half the round trip, and the time in the browser's buffer",
    text: (value) => `${Math.round(value * 1000)} ms`,
  },
  {
    name: "bitrate",
    title: "bit rate",
    meaning: "Of the media, without overhead",
    text: (value) => (value < 1e6 ? `${Math.round(value / 1000)} kb/s` : `${(value / 1e6).toFixed(1)} Mb/s`),
  },
  {
    name: "drops",
    title: "drops",
    meaning: "Packets lost and pictures dropped, since it began",
    text: (value) => String(value),
  },
];

export class Statistics {
  // No list of definitions: notebooks have a style of their own for these.
  element = create("div", { class: "jrtc-stats", hidden: true });
  #session;
  /** @type {Map<keyof Numbers, {value: HTMLElement, row: HTMLElement, line: SVGElement, history: number[]}>} */
  #rows = new Map();
  /** @type {Counts | undefined} */
  #before;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #signal;

  /**
   * @param {Session} session
   * @param {AbortSignal} signal
   */
  constructor(session, signal) {
    this.#session = session;
    this.#signal = signal;
    for (const { name, title, meaning } of ROWS) {
      const value = create("span", { class: "jrtc-value", text: "–" });
      const { svg, line } = spark();
      const row = create(
        "div",
        { class: "jrtc-stat", title: meaning },
        create("span", { class: "jrtc-what", text: title }),
        value,
        svg,
      );
      this.#rows.set(name, { value, row, line, history: [] });
      this.element.append(row);
    }
    signal.addEventListener("abort", () => clearInterval(this.#timer));
  }

  /** @param {boolean} on */
  show(on) {
    this.element.hidden = !on;
    if (on === (this.#timer !== undefined) || this.#signal.aborted) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#before = undefined;
    if (!on) return;
    this.#timer = setInterval(() => this.#count(), EVERY);
    this.#count();
  }

  async #count() {
    const report = await this.#session.stats();
    const counts = report && countsOf(/** @type {Iterable<Entry>} */ (report.values()));
    const numbers = counts && this.#before ? numbersOf(counts, this.#before) : {};
    this.#before = counts;
    for (const { name, text } of ROWS) {
      const row = this.#rows.get(name);
      if (!row) continue;
      const value = numbers[name];
      row.value.textContent = value === undefined ? "–" : text(value);
      // Drops are told in all, and drawn as they come.
      row.history.push(value ?? 0);
      row.history.splice(0, row.history.length - KEPT);
      row.line.setAttribute("points", pointsOf(name === "drops" ? steps(row.history) : row.history));
    }
  }
}

/**
 * What has been counted of the video or, where there is none, the sound: of what comes if anything does.
 * @param {Iterable<Entry>} entries
 * @returns {Counts | undefined}
 */
export function countsOf(entries) {
  const all = [...entries];
  const flows = all.filter(({ type }) => type === "inbound-rtp" || type === "outbound-rtp");
  const rank = (/** @type {Entry} */ { kind, type }) =>
    (kind === "video" ? 0 : 2) + (type === "inbound-rtp" ? 0 : 1);
  const active = flows.filter((entry) => (entry.bytesReceived ?? entry.bytesSent ?? 0) > 0);
  const [flow] = active.sort((a, b) => rank(a) - rank(b));
  if (!flow) return undefined;
  const trip = all.find(
    ({ type, nominated }) => type === "candidate-pair" && nominated,
  )?.currentRoundTripTime;
  const incoming = flow.type === "inbound-rtp";
  const told = all.find(({ type, localId }) => type === "remote-inbound-rtp" && localId === flow.id);
  return {
    at: flow.timestamp / 1000,
    frames: incoming ? flow.framesDecoded : flow.framesSent,
    bytes: incoming ? flow.bytesReceived : flow.bytesSent,
    held: incoming ? (flow.jitterBufferDelay ?? 0) : 0,
    emitted: incoming ? (flow.jitterBufferEmittedCount ?? 0) : 0,
    drops: incoming
      ? Math.max(0, flow.packetsLost ?? 0) + (flow.framesDropped ?? 0)
      : Math.max(0, told?.packetsLost ?? 0),
    trip,
  };
}

/**
 * @param {Counts} now
 * @param {Counts} before
 * @returns {Numbers}
 */
export function numbersOf(now, before) {
  const seconds = now.at - before.at;
  // Counted afresh: another connection.
  if (seconds <= 0 || now.bytes < before.bytes) return { drops: now.drops };
  const emitted = now.emitted - before.emitted;
  const held = emitted > 0 ? (now.held - before.held) / emitted : 0;
  return {
    ...(now.frames !== undefined && { fps: (now.frames - (before.frames ?? 0)) / seconds }),
    ...(now.trip !== undefined && { delay: now.trip / 2 + held }),
    bitrate: ((now.bytes - before.bytes) * 8) / seconds,
    drops: now.drops,
  };
}

/** @param {number[]} values */
function steps(values) {
  return values.map((value, i) => (i > 0 ? Math.max(0, value - values[i - 1]) : 0));
}

/**
 * The newest value is at the right, the highest at the top.
 * @param {number[]} values
 */
export function pointsOf(values) {
  const top = Math.max(...values, 1e-9);
  const y = (/** @type {number} */ value) => HEIGHT - 1 - (value / top) * (HEIGHT - 2);
  const x = (/** @type {number} */ i) => WIDTH - ((values.length - 1 - i) * WIDTH) / (KEPT - 1);
  return values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
}

function spark() {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("class", "jrtc-spark");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(namespace, "polyline");
  svg.append(line);
  return { svg, line };
}
