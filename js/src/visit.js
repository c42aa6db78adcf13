/**
 * One acquaintance of this page with the kernel, from hello to bye, under one client name. When either has
 * forgotten the other, a new one begins with a new name: numbers start at 1 on both sides.
 * @import { CapturedTracks, Plan } from "./transport/webrtc.js"
 * @import { Envelope, KernelMessage, PageMessage } from "./types.js"
 */
import { Courier } from "./courier.js";
import { Connector } from "./transport/connector.js";

/** Silence of a kernel that was connected, in milliseconds, after which it is believed gone. It pings every second. */
const GONE_AFTER = 5000;
/** A timer that is so late, in milliseconds, tells that this computer has slept. */
const SLEPT = 1000;

/**
 * @typedef {object} VisitOptions
 * @property {boolean} slow
 * @property {(envelope: Envelope) => void} comm
 * @property {(message: KernelMessage) => void} deliver
 * @property {() => void} onchange
 * @property {() => void} onclosing Tracks are about to go black.
 * @property {() => void} ongone
 * @property {() => void} onforgotten The kernel is there, and has let this page go.
 * @property {(error: unknown) => void} onerror
 */
export class Visit {
  client = randomName();
  #courier;
  #connector;
  #ongone;
  #onforgotten;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watchdog;

  /** @param {VisitOptions} options */
  constructor({ slow, comm, deliver, onchange, onclosing, ongone, onforgotten, onerror }) {
    this.#ongone = ongone;
    this.#onforgotten = onforgotten;
    this.#courier = new Courier({ client: this.client, comm, deliver, onchange, slow });
    this.#connector = new Connector({
      post: (message) => this.post(message),
      onchange,
      onclosing,
      onerror,
      onchannel: (channel) => {
        this.#courier.use(channel);
        if (channel) this.#alive(true);
      },
      onenvelope: (envelope) => {
        this.#alive();
        this.#courier.receive(envelope, "channel");
      },
      onping: () => this.#alive(),
      busy: () => this.silence !== "",
    });
  }

  get heard() {
    return this.#courier.heard;
  }

  get silence() {
    return this.#courier.silence;
  }

  get connection() {
    return this.#connector.state;
  }

  get reached() {
    return this.#connector.reached;
  }

  get answered() {
    return this.#connector.answered;
  }

  stats() {
    return this.#connector.stats();
  }

  /** @param {string} slot */
  track(slot) {
    return this.#connector.track(slot);
  }

  /** @param {PageMessage} message */
  post(message) {
    this.#courier.post(message);
  }

  /** @param {Envelope} envelope From the comm, where every page sees everything. */
  receive(envelope) {
    if (envelope?.v !== 1 || envelope.to !== this.client) return;
    this.#alive();
    if (envelope.unknown) this.#onforgotten();
    else this.#courier.receive(envelope, "comm");
  }

  /** @param {Plan} plan */
  plan(plan) {
    this.#connector.plan(plan);
  }

  /** @param {Parameters<Connector["answer"]>[0]} message */
  answer(message) {
    this.#connector.answer(message);
  }

  /** @param {string} reason */
  refused(reason) {
    this.#connector.refused(reason);
  }

  /** @param {CapturedTracks} tracks */
  capture(tracks) {
    this.#connector.capture(tracks);
  }

  /** @param {PageMessage} message */
  close(message) {
    this.#courier.close(message);
    this.abandon();
  }

  abandon() {
    clearTimeout(this.#watchdog);
    this.#courier.abandon();
    this.#connector.close();
  }

  /**
   * A sign of life. Watched for from the first connection on: before it, a kernel may be silent for as long as
   * a cell runs.
   * @param {boolean} [begin]
   */
  #alive(begin = false) {
    if (!begin && this.#watchdog === undefined) return;
    this.#watch(false);
  }

  /** @param {boolean} awoken Whether the last watch was slept through, which is forgiven once. */
  #watch(awoken) {
    clearTimeout(this.#watchdog);
    const due = Date.now() + GONE_AFTER;
    this.#watchdog = setTimeout(() => {
      if (!awoken && Date.now() - due > SLEPT) this.#watch(true);
      else this.#ongone();
    }, GONE_AFTER);
  }
}

/** crypto.randomUUID exists in secure contexts only. */
function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
