/**
 * Keeps a page connected: makes a transport for the kernel's plan, and another one when it fails.
 * @import { CapturedTracks, Plan, TransportEvents } from "./webrtc.js"
 * @import { Envelope, KernelMessage, PageMessage } from "../types.js"
 */
import { WebRtcTransport } from "./webrtc.js";

/** A connection that stood and was lost is tried again soon. */
const AFTER_LOSS = 500;
const FIRST_RETRY = 2000;
const LAST_RETRY = 15000;

/**
 * @typedef {object} ConnectorEvents
 * @property {(message: PageMessage) => void} post
 * @property {() => void} onchange
 * @property {() => void} onclosing Its tracks are about to go black.
 * @property {(channel: RTCDataChannel | null) => void} onchannel Open, or lost.
 * @property {(envelope: Envelope) => void} onenvelope
 * @property {() => void} onping
 * @property {(error: unknown) => void} onerror
 * @property {() => boolean} busy Whether the kernel does not answer at present.
 */

export class Connector {
  /** @type {ConnectorEvents} */
  #events;
  /** @type {Plan | undefined} */
  #plan;
  /** @type {WebRtcTransport | undefined} */
  #transport;
  /** @type {CapturedTracks} */
  #captured = {};
  #epoch = 0;
  #retry = FIRST_RETRY;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #closed = false;
  /** Of the attempt that failed. @type {Promise<RTCStatsReport> | undefined} */
  #lastStats;
  /** "blocked": no connection came about at the last attempt. @type {"idle" | "connecting" | "connected" | "blocked"} */
  state = "idle";

  /** @param {ConnectorEvents} events */
  constructor(events) {
    this.#events = events;
  }

  /** @param {string} slot */
  track(slot) {
    return this.#transport?.track(slot);
  }

  /** @param {Plan} plan */
  plan(plan) {
    this.#plan = plan;
    if (this.#transport) this.#transport.update(plan);
    else if (!this.#timer) this.#connect();
  }

  /** Whether the kernel has answered, and only the network is waited for. */
  get answered() {
    return this.#transport?.answered ?? false;
  }

  /** Whether the network lets them reach each other, at this attempt. */
  get reached() {
    return this.#transport?.reached ?? false;
  }

  /** @returns {Promise<RTCStatsReport | undefined>} Of the last one, where there is none now. */
  async stats() {
    return this.#transport ? this.#transport.stats() : this.#lastStats;
  }

  /** @param {CapturedTracks} captured */
  capture(captured) {
    this.#captured = captured;
    this.#transport?.capture(captured);
  }

  /** @param {Extract<KernelMessage, {type: "description"}>} message */
  answer(message) {
    return this.#transport?.answer(message);
  }

  /**
   * The kernel refused what was sent: begin afresh.
   * @param {string} reason
   */
  refused(reason) {
    if (!this.#transport || this.#transport.connected) return;
    this.#transport.close();
    this.#failed(reason);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#transport?.close();
    this.#transport = undefined;
    this.state = "idle";
  }

  #connect() {
    this.#timer = undefined;
    if (this.#closed || !this.#plan) return;
    this.#epoch += 1;
    if (this.state !== "blocked") this.state = "connecting";
    /** @type {TransportEvents} */
    const events = {
      post: this.#events.post,
      onchange: () => {
        if (this.state === "blocked" && this.reached) this.state = "connecting";
        this.#events.onchange();
      },
      onclosing: this.#events.onclosing,
      onenvelope: this.#events.onenvelope,
      onping: this.#events.onping,
      onerror: this.#events.onerror,
      busy: this.#events.busy,
      onopen: (channel) => {
        this.state = "connected";
        this.#retry = FIRST_RETRY;
        this.#events.onchannel(channel);
        this.#events.onchange();
      },
      onfail: (reason, reached) => this.#failed(reason, reached),
    };
    try {
      this.#transport = new WebRtcTransport(this.#epoch, this.#plan, this.#captured, events);
    } catch (error) {
      // An ICE server that the browser does not take, most likely.
      this.#failed(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#events.onchange();
  }

  /** @param {string} reason */
  #failed(reason, reached = false) {
    const lost = this.state === "connected";
    this.state = lost || reached ? "connecting" : "blocked";
    this.#lastStats = this.#transport?.stats();
    this.#transport = undefined;
    this.#events.onchannel(null);
    this.#events.post({ type: "failed", epoch: this.#epoch, reason });
    this.#timer = setTimeout(() => this.#connect(), lost ? AFTER_LOSS : this.#retry);
    if (!lost) this.#retry = Math.min(this.#retry * 2, LAST_RETRY);
    this.#events.onchange();
  }
}
