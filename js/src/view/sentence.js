/**
 * The state of a view in a few words.
 * @import { CaptureError, CaptureState, PlannedTrack } from "../types.js"
 * @import { Link } from "../session.js"
 */

/** @typedef {"live" | "waiting" | "off" | "warning" | "error"} Tone */
/** @typedef {{tone: Tone, text: string}} Sentence */

/**
 * What stands in the way between this page and the kernel.
 * @param {Link} link
 * @returns {Sentence | undefined}
 */
function obstacle(link) {
  switch (link) {
    case "none":
      return { tone: "off", text: "No answer from a kernel: live pictures need a running one" };
    case "gone":
      return { tone: "error", text: "Kernel gone: start it, and run the cell again" };
    case "busy":
      return { tone: "waiting", text: "Waiting for the kernel: a cell is running" };
    case "blocked":
      return {
        tone: "error",
        text:
          "No direct path (UDP) to the kernel: use the same network, or set a TURN server with " +
          "jupyter_rtc.configure(ice_servers=…)",
      };
    default:
      return undefined;
  }
}

/**
 * A view that plays what the kernel sends.
 * @param {object} view
 * @param {Link} view.link
 * @param {boolean} view.planned Whether the kernel has anything to play.
 * @param {boolean} view.playing Whether a picture, or sound, has come.
 * @param {"picture" | "sound"} view.what
 * @param {PlannedTrack["state"]} [view.source] What it comes from.
 * @param {string} [view.why] Why that is silent.
 * @param {boolean} [view.troubled] Whether a user's function raised.
 * @returns {Sentence}
 */
export function describePlayer({
  link,
  planned,
  playing,
  what,
  source = "live",
  why = "",
  troubled = false,
}) {
  const hindered = obstacle(link);
  if (hindered) return hindered;
  if (link !== "connected") {
    return { tone: "waiting", text: playing ? "Connecting again" : "Connecting to the kernel" };
  }
  if (!planned) return { tone: "off", text: "Nothing to play" };
  if (source === "ended") return { tone: "off", text: "Ended" };
  if (source === "muted") {
    return { tone: "off", text: `${playing ? "Paused" : "Waiting"}${why ? `: ${why}` : ""}` };
  }
  if (playing)
    return troubled ? { tone: "warning", text: "Live, with an error" } : { tone: "live", text: "Live" };
  return {
    tone: "waiting",
    text: what === "picture" ? "Waiting for the first picture" : "Waiting for sound",
  };
}

/**
 * A view of the camera.
 * @param {object} view
 * @param {Link} view.link
 * @param {CaptureState} view.state This page's.
 * @param {CaptureError | undefined} view.error
 * @param {string} view.device Its name in a sentence: "camera", "microphone".
 * @param {boolean} view.asking Whether this page has asked the kernel for the camera.
 * @param {boolean} view.elsewhere Whether another page has the camera.
 * @param {boolean} view.playing Whether that page's picture is shown.
 * @returns {Sentence}
 */
export function describeCamera({ link, state, error, device, asking, elsewhere, playing }) {
  if (state === "error" && error)
    return { tone: error.name === "NotAllowedError" ? "warning" : "error", text: upper(error.message) };
  if (state === "starting") return { tone: "waiting", text: `Asking for the ${device}…` };
  const hindered = obstacle(link);
  if (hindered) return hindered;
  if (state === "live") {
    if (link === "connected") return { tone: "live", text: "Live" };
    return { tone: "waiting", text: `${upper(device)} on, connecting to the kernel` };
  }
  if (asking) return { tone: "waiting", text: `Asking for the ${device}…` };
  if (elsewhere) {
    if (playing) return { tone: "live", text: `Live from another page's ${device}` };
    return { tone: "waiting", text: `Waiting for another page's ${device}` };
  }
  if (link !== "connected") return { tone: "waiting", text: "Connecting to the kernel" };
  return { tone: "off", text: `${upper(device)} off` };
}

/**
 * A view of a connection to somebody else.
 * @param {object} view
 * @param {Link} view.link
 * @param {string} view.connectionState
 * @returns {Sentence}
 */
export function describeConnection({ link, connectionState }) {
  switch (connectionState) {
    case "failed":
      return { tone: "error", text: "Connection failed" };
    case "closed":
      return { tone: "off", text: "Connection closed" };
    case "disconnected":
      return { tone: "warning", text: "Connection interrupted" };
    case "connected":
      return obstacle(link) ?? { tone: "live", text: "Connected" };
    case "connecting":
      return obstacle(link) ?? { tone: "waiting", text: "Connecting" };
    default:
      return obstacle(link) ?? { tone: "off", text: "Not connected yet" };
  }
}

/** @param {string} text */
function upper(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
