/**
 * The state line: a coloured dot, a sentence that is read out, and numbers that are not.
 * @import { Sentence } from "./sentence.js"
 */
import { create } from "./dom.js";

export class StateLine {
  #dot = create("span", { class: "jrtc-dot", "aria-hidden": "true" });
  #text = create("span", { class: "jrtc-sentence", role: "status", "aria-live": "polite" });
  #numbers = create("span", { class: "jrtc-numbers", "aria-hidden": "true" });
  element = create("div", { class: "jrtc-line" }, this.#dot, this.#text, this.#numbers);

  /** @param {Sentence} sentence */
  say({ tone, text }) {
    this.element.dataset.tone = tone;
    // An equal text must not be read out again.
    if (this.#text.textContent === text) return;
    this.#text.textContent = text;
    this.#text.title = text;
  }

  /** @param {string} text */
  count(text) {
    if (this.#numbers.textContent !== text) this.#numbers.textContent = text;
  }
}
