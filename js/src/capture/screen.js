/**
 * The screen, a window or a tab, as a person chooses. Browsers want a click for it, each time.
 * @import { CaptureError, CaptureWish } from "../types.js"
 */
import { allowed, insecure } from "./devices.js";

/** @param {CaptureWish} wish */
export function open({ audio, video }) {
  return navigator.mediaDevices.getDisplayMedia({ video, audio: Boolean(audio) });
}

/**
 * @returns {CaptureError | undefined}
 */
export function obstacle() {
  if (!globalThis.isSecureContext) return insecure("screen");
  if (!navigator.mediaDevices?.getDisplayMedia) {
    return { name: "NotSupportedError", message: "this browser, or this application, shares no screens" };
  }
  if (allowed("display-capture")) return undefined;
  return {
    name: "SecurityError",
    message:
      "the page that this one is embedded in forbids sharing the screen " +
      '(its iframe needs allow="display-capture"). Open the notebook in a tab of its own',
  };
}

/**
 * @param {unknown} error What getDisplayMedia threw.
 * @returns {CaptureError}
 */
export function explain(error) {
  const { name, message } = error instanceof DOMException ? error : { name: "Error", message: String(error) };
  switch (name) {
    case "NotAllowedError":
      return {
        name,
        message: "the screen was not shared: press Share the screen and choose what is to be seen",
      };
    case "InvalidStateError":
      return { name, message: "the browser wants a click for it: press Share the screen" };
    case "NotFoundError":
      return { name, message: "there is no screen or window that could be shared" };
    case "NotReadableError":
      return {
        name,
        message: `the system did not give the screen to the browser: see its privacy settings (${message})`,
      };
    default:
      return { name, message: message || "the screen could not be shared" };
  }
}

/** @returns {undefined} The browser's own button: a person has stopped it. */
export function lost() {}
