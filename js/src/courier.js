/**
 * Decides when an envelope travels, and by which way: over the widget's comm, where the page has to ask
 * for what is waiting, or over the data channel once that is open.
 * @import { Envelope, KernelMessage, Numbered, PageMessage } from "./types.js"
 */
import { Mailbox } from "./mailbox.js";

/** Milliseconds between an answer and the next question; longer while answers bring nothing. */
const FIRST_PAUSE = 250;
const LAST_PAUSE = 4000;
const FIRST_BACKOFF = 250;
const LAST_BACKOFF = 4000;
/** While the kernel is believed gone. */
const SLOW_BACKOFF = 4000;
const SLOWEST_BACKOFF = 16000;
/** Silence after which a person is told that the kernel is busy. */
const BUSY_AFTER = 1500;
/** Silence from the very start after which no kernel is believed to be there. */
const NOBODY_AFTER = 10000;

/**
 * @typedef {object} CourierOptions
 * @property {string} client
 * @property {(envelope: Envelope) => void} comm Sends over the comm; may throw when that is closed.
 * @property {(message: Numbered<KernelMessage>) => void} deliver
 * @property {() => void} onchange `silence` is another.
 * @property {boolean} [slow] Ask rarely until the first answer.
 */
export class Courier {
  #mailbox = new Mailbox();
  /** @type {CourierOptions} */
  #options;
  /** @type {RTCDataChannel | null} */
  #channel = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #next;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silenceTimer;
  #backoff;
  #pause = FIRST_PAUSE;
  #unanswered = false;
  /** Whether what is unanswered had messages in it. */
  #loaded = false;
  #flushing = false;
  #sent = 0;
  #closed = false;
  /** Whether the kernel has ever answered. */
  heard = false;
  /** @type {"" | "busy" | "nobody"} */
  silence = "";

  /** @param {CourierOptions} options */
  constructor(options) {
    this.#options = options;
    this.#backoff = options.slow ? SLOW_BACKOFF : FIRST_BACKOFF;
  }

  /** @param {PageMessage} message */
  post(message) {
    if (this.#closed) return;
    this.#mailbox.post(message);
    this.#flushSoon();
  }

  /**
   * @param {Envelope} envelope
   * @param {"comm" | "channel"} way
   */
  receive(envelope, way) {
    if (this.#closed) return;
    const messages = /** @type {Numbered<KernelMessage>[]} */ (envelope.messages);
    const fresh = this.#mailbox.receive({ ack: envelope.ack, messages });
    this.heard = true;
    if (fresh.length > 0) this.#pause = FIRST_PAUSE;
    if (way === "comm") this.#answered();
    // An envelope that repeats what is known is acknowledged too: the first acknowledgement may be lost.
    if (messages.length > 0 || this.#sent < this.#mailbox.posted) this.#flushSoon();
    for (const message of fresh) this.#options.deliver(message);
  }

  /**
   * Everything goes over this channel from now on; null: over the comm again.
   * @param {RTCDataChannel | null} channel
   */
  use(channel) {
    if (this.#closed || channel === this.#channel) return;
    this.#channel = channel;
    this.#answered();
    this.#flushSoon();
  }

  /**
   * The last words, sent by every way there is, for nobody will repeat them.
   * @param {PageMessage} message
   */
  close(message) {
    if (this.#closed) return;
    this.#mailbox.post(message);
    const envelope = this.#envelope();
    this.#overChannel(envelope);
    this.#overComm(envelope);
    this.abandon();
  }

  /** Say nothing more. */
  abandon() {
    this.#closed = true;
    this.#channel = null;
    clearTimeout(this.#next);
    clearTimeout(this.#silenceTimer);
  }

  /** What a task posts travels together. */
  #flushSoon() {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (!this.#closed) this.#flush();
    });
  }

  #flush() {
    const news = this.#sent < this.#mailbox.posted;
    if (this.#channel?.readyState === "open") {
      this.#overChannel(this.#envelope());
    } else if (!this.#unanswered || (news && !this.#loaded)) {
      this.#ask();
    }
    // Otherwise it goes with the next question: a busy kernel's queue must not fill up.
  }

  #ask() {
    const envelope = this.#envelope();
    this.#unanswered = true;
    this.#loaded ||= envelope.messages.length > 0;
    clearTimeout(this.#next);
    this.#next = setTimeout(() => this.#askAgain(), this.#backoff);
    this.#silenceTimer ??= setTimeout(() => this.#silent(), BUSY_AFTER);
    this.#overComm(envelope);
  }

  #askAgain() {
    const slowest = this.#options.slow && !this.heard ? SLOWEST_BACKOFF : LAST_BACKOFF;
    this.#backoff = Math.min(this.#backoff * 2, slowest);
    this.#ask();
  }

  #answered() {
    clearTimeout(this.#next);
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = undefined;
    this.#unanswered = false;
    this.#loaded = false;
    this.#backoff = FIRST_BACKOFF;
    if (this.silence) {
      this.silence = "";
      this.#options.onchange();
    }
    if (this.#channel) return;
    this.#next = setTimeout(() => this.#flush(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LAST_PAUSE);
  }

  #silent() {
    this.silence = "busy";
    this.#options.onchange();
    if (this.heard) return;
    this.#silenceTimer = setTimeout(() => {
      this.silence = "nobody";
      this.#options.onchange();
    }, NOBODY_AFTER - BUSY_AFTER);
  }

  /** @returns {Envelope} */
  #envelope() {
    this.#sent = this.#mailbox.posted;
    return { v: 1, client: this.#options.client, ...this.#mailbox.envelope() };
  }

  /** @param {Envelope} envelope */
  #overChannel(envelope) {
    if (this.#channel?.readyState !== "open") return;
    try {
      this.#channel.send(JSON.stringify(envelope));
    } catch {
      // Its queue is full: the next envelope has all of it again.
    }
  }

  /** @param {Envelope} envelope */
  #overComm(envelope) {
    try {
      this.#options.comm(envelope);
    } catch {
      // A closed comm throws. The missing answer tells the same, and a revived comm is then found by asking on.
    }
  }
}
