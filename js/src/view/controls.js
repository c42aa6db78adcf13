/**
 * Buttons and device choices.
 * @import { Device } from "../types.js"
 * @import { IconName } from "./dom.js"
 */
import { create, icon } from "./dom.js";

export class Button {
  element = create("button", { type: "button", class: "jrtc-button" });
  #icon = "";

  /**
   * @param {() => void} onclick
   * @param {AbortSignal} signal
   */
  constructor(onclick, signal) {
    this.element.addEventListener("click", onclick, { signal });
  }

  /**
   * @param {IconName} name
   * @param {string} label What a click does.
   */
  show(name, label) {
    if (this.#icon !== name) this.element.replaceChildren(icon(name));
    this.#icon = name;
    this.element.setAttribute("aria-label", label);
    this.element.title = label;
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
  }
}

export class DeviceChoice {
  element;
  #listed = "";

  /**
   * @param {"audio" | "video"} kind
   * @param {(deviceId: string) => void} onchoose
   * @param {AbortSignal} signal
   */
  constructor(kind, onchoose, signal) {
    this.kind = kind;
    const label = kind === "video" ? "Camera" : "Microphone";
    this.element = create("select", {
      class: "jrtc-select",
      "aria-label": label,
      title: label,
      hidden: true,
    });
    this.element.addEventListener("change", () => onchoose(this.element.value), { signal });
  }

  /**
   * Shown when there is a choice.
   * @param {Device[]} devices
   * @param {string | undefined} chosen
   */
  show(devices, chosen) {
    const mine = devices.filter(({ kind }) => kind === this.kind);
    this.element.hidden = mine.length < 2;
    const listed = JSON.stringify(mine);
    if (listed !== this.#listed) {
      this.#listed = listed;
      const options = mine.map(({ deviceId, label }, i) =>
        create("option", { value: deviceId, text: label || `${this.element.title} ${i + 1}` }),
      );
      this.element.replaceChildren(...options);
    }
    if (chosen !== undefined && this.element.value !== chosen) this.element.value = chosen;
  }
}

/**
 * One click away from the numbers.
 * @param {import("../session.js").Model} model
 * @param {AbortSignal} signal
 */
export function statisticsButton(model, signal) {
  const button = new Button(() => {
    model.set("show_stats", !model.get("show_stats"));
    model.save_changes();
  }, signal);
  const update = () => {
    const on = Boolean(model.get("show_stats"));
    button.show("statistics", on ? "Hide the statistics" : "Show the statistics");
    button.element.setAttribute("aria-pressed", String(on));
  };
  model.on("change:show_stats", update);
  signal.addEventListener("abort", () => model.off("change:show_stats", update));
  update();
  return button;
}

/**
 * @param {HTMLElement} stage
 * @param {AbortSignal} signal
 */
export function fullscreenButton(stage, signal) {
  const button = new Button(() => {
    if (document.fullscreenElement === stage) document.exitFullscreen();
    else stage.requestFullscreen();
  }, signal);
  if (document.fullscreenEnabled) button.show("fullscreen", "Full screen");
  else button.hide();
  return button;
}
