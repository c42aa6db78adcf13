/**
 * Numbers, repeats and acknowledges messages, so that envelopes may be lost, repeated or reordered.
 * @import { KernelMessage, Numbered, PageMessage } from "./types.js"
 */
export class Mailbox {
  #posted = 0;
  #received = 0;
  /** @type {Numbered<PageMessage>[]} */
  #outgoing = [];

  /** The highest number given out. */
  get posted() {
    return this.#posted;
  }

  get unacknowledged() {
    return this.#outgoing.length;
  }

  /** @param {PageMessage} message */
  post(message) {
    this.#posted += 1;
    this.#outgoing.push({ ...message, n: this.#posted });
  }

  envelope() {
    return { ack: this.#received, messages: [...this.#outgoing] };
  }

  /**
   * @param {{ack: number, messages: Numbered<KernelMessage>[]}} envelope
   * @returns {Numbered<KernelMessage>[]} What is new and whose turn it is, in order.
   */
  receive({ ack, messages }) {
    this.#outgoing = this.#outgoing.filter(({ n }) => n > ack);
    const fresh = [];
    for (const message of [...messages].sort((a, b) => a.n - b.n)) {
      if (message.n === this.#received + 1) {
        this.#received = message.n;
        fresh.push(message);
      }
    }
    return fresh;
  }
}
