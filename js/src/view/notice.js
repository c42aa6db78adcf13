/**
 * Sentences under the picture, with their tracebacks folded away.
 * @import { Notice } from "../session.js"
 */
import { create } from "./dom.js";

export class Notices {
  element = create("div", { class: "jrtc-notices" });
  #shown = "";

  /** @param {Notice[]} notices */
  show(notices) {
    // An unfolded traceback stays unfolded while nothing changes.
    const shown = JSON.stringify(notices);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.element.replaceChildren(...notices.map(render));
  }
}

/** @param {Notice} notice */
function render({ level, text, detail }) {
  const role = level === "error" ? "alert" : "status";
  const sentence = create("div", { class: "jrtc-notice-text", role, text });
  const notice = create("div", { class: "jrtc-notice", "data-level": level }, sentence);
  if (detail) {
    const summary = create("summary", { text: "Details" });
    notice.append(create("details", {}, summary, create("pre", { text: detail, tabindex: "0" })));
  }
  return notice;
}
