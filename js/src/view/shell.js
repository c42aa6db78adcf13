/**
 * What every view has around its content: a name, a size, a state line, buttons and notices.
 * @import { Model, Session } from "../session.js"
 * @import { Sentence } from "./sentence.js"
 */
import { copy } from "../report.js";
import { create } from "./dom.js";
import { StateLine } from "./line.js";
import { Notices } from "./notice.js";

/**
 * @typedef {object} ViewContext
 * @property {Session} session
 * @property {Model} model
 * @property {HTMLElement} el
 * @property {AbortSignal} signal Aborts when the view is gone.
 */

export class Shell {
  #line = new StateLine();
  /** Where it does not connect. */
  #copy = create("button", { type: "button", class: "jrtc-copy", text: "Copy report", hidden: true });
  #sentence = "";
  #notices = new Notices();
  #model;
  #session;
  #name;
  buttons = create("div", { class: "jrtc-buttons" });
  bar = create("div", { class: "jrtc-bar" }, this.#line.element, this.#copy, this.buttons);
  element = create("div", { class: "jrtc", role: "group" });

  /**
   * @param {ViewContext} context
   * @param {string} name The accessible name where the kernel gives none.
   * @param {HTMLElement[]} content
   */
  constructor({ model, session, el, signal }, name, ...content) {
    this.#model = model;
    this.#session = session;
    this.#name = name;
    this.element.append(...content, this.bar, this.#notices.element);
    el.classList.add("jrtc-host");
    el.append(this.element);
    this.#copy.title = "Why it does not connect, as text for somebody who is to help. It contains addresses";
    this.#copy.addEventListener("click", () => this.#report(), { signal });
    signal.addEventListener("abort", () => this.element.remove());
  }

  /**
   * @param {Sentence} sentence
   * @param {{ratio?: number, numbers?: string}} [picture]
   */
  show(sentence, { ratio = 4 / 3, numbers = "" } = {}) {
    const { element } = this;
    const width = this.#model.get("width");
    const height = this.#model.get("height");
    element.setAttribute("aria-label", this.#model.get("label") || this.#name);
    element.dataset.tone = sentence.tone;
    element.dataset.controls = this.#model.get("controls") === false ? "no" : "yes";
    element.style.setProperty("--jrtc-ratio", String(width && height ? width / height : ratio));
    if (width) element.style.setProperty("--jrtc-width", `${width}px`);
    else if (height) element.style.setProperty("--jrtc-width", `${Math.round(height * ratio)}px`);
    else element.style.removeProperty("--jrtc-width");
    const { link, delay } = this.#session.state;
    element.dataset.link = link;
    this.#copy.hidden = !["blocked", "unrelayed", "busy"].includes(link) && !(delay && link !== "none");
    if (this.#copy.hidden) this.#copy.textContent = "Copy report";
    this.#sentence = sentence.text;
    this.#line.say(sentence);
    this.#line.count(numbers);
    this.#notices.show(this.#session.state.notices);
    element.title = this.#model.get("tooltip") ?? "";
    const disabled = Boolean(this.#model.get("disabled"));
    for (const tag of /** @type {const} */ (["button", "select"])) {
      for (const control of element.querySelectorAll(tag)) control.disabled = disabled;
    }
  }

  async #report() {
    const text = await this.#session.report(this.#sentence);
    try {
      await copy(text);
      this.#copy.textContent = "Copied";
    } catch {
      const pre = create("pre", { class: "jrtc-report", text, tabindex: "0" });
      this.#copy.replaceWith(pre);
    }
  }
}

/**
 * Calls `update` now and whenever the session or one of these traits changes.
 * @param {ViewContext} context
 * @param {string[]} names Beside those of all views.
 * @param {() => void} update
 */
export function keepUpdated({ session, model, signal }, names, update) {
  const traits = [...names, "disabled", "tooltip"];
  session.addEventListener("change", update, { signal });
  for (const name of traits) model.on(`change:${name}`, update);
  signal.addEventListener("abort", () => {
    for (const name of traits) model.off(/** @type {`change:label`} */ (`change:${name}`), update);
  });
  update();
}

/**
 * @param {Model} model
 * @param {boolean} muted
 */
export function saveMuted(model, muted) {
  model.set("muted", muted);
  model.save_changes();
}
