/**
 * The state of a view in a few words.
 * @import { CaptureError, CaptureState, PlannedTrack } from "../types.js"
 * @import { Words } from "../capture/words.js"
 * @import { Delay, Link } from "../session.js"
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
      return { tone: "error", text: "Kernel gone, or started anew: run the cell again" };
    case "busy":
      return { tone: "waiting", text: "Waiting for the kernel: a cell is running" };
    case "blocked":
      return {
        tone: "error",
        text: `No direct path (UDP) to the kernel: ${remedy()}, or set a TURN server with jupyter_rtc.configure(ice_servers=…)`,
      };
    case "unrelayed":
      return {
        tone: "error",
        text: "No way to the kernel through a TURN server, and no other is allowed: jupyter_rtc.doctor() tells what is wrong with it",
      };
    default:
      return undefined;
  }
}

/** What may be in the way: a kernel behind a tunnel or in a container seems to be here. */
function remedy() {
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(globalThis.location?.hostname ?? "");
  return here
    ? "if it is behind a tunnel or in a container, let UDP pass there"
    : "use the same network and no firewall between";
}

/**
 * @param {Delay} delay
 * @returns {Sentence} While there is no connection yet.
 */
function connecting(delay) {
  switch (delay) {
    case "kernel":
      return {
        tone: "waiting",
        text: "Connecting to the kernel takes long: it has not answered yet, because a cell keeps it busy or the line to it is slow",
      };
    case "network":
      return {
        tone: "waiting",
        text: "Connecting to the kernel takes long: it has answered, and no way (UDP) to it was found yet. A firewall may be between",
      };
    case "computer":
      return {
        tone: "waiting",
        text: "Connecting to the kernel takes long: it is reached, and this computer or the kernel's is busy",
      };
    default:
      return { tone: "waiting", text: "Connecting to the kernel" };
  }
}

/**
 * A view that plays what the kernel sends.
 * @param {object} view
 * @param {Link} view.link
 * @param {Delay} [view.delay]
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
  delay = "",
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
    return playing && !delay ? { tone: "waiting", text: "Connecting again" } : connecting(delay);
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
 * @param {Delay} [view.delay]
 * @param {CaptureState} view.state This page's.
 * @param {CaptureError | undefined} view.error
 * @param {string} [view.note] What it waits for while it is starting, if there is more to say than its name.
 * @param {Words} view.words What it is called: "camera", "microphone".
 * @param {boolean} [view.invites] Whether it waits for a click.
 * @param {boolean} view.asking Whether this page has asked the kernel for the camera.
 * @param {boolean} view.elsewhere Whether another page has the camera.
 * @param {boolean} view.playing Whether that page's picture is shown.
 * @param {PlannedTrack["state"]} [view.source] What that page gives.
 * @param {string} [view.why] Why that is nothing.
 * @returns {Sentence}
 */
export function describeCamera({
  link,
  delay = "",
  state,
  error,
  note = "",
  words,
  invites = false,
  asking,
  elsewhere,
  playing,
  source = "live",
  why = "",
}) {
  if (state === "error" && error)
    return { tone: error.name === "NotAllowedError" ? "warning" : "error", text: upper(error.message) };
  const { name } = words;
  if (invites) return { tone: "waiting", text: `Press “${words.start}”, and choose what is to be seen` };
  if (state === "starting") return { tone: "waiting", text: note ? upper(note) : words.asking };
  const hindered = obstacle(link);
  if (hindered) return hindered;
  if (state === "live") {
    if (link === "connected") return { tone: "live", text: "Live" };
    return delay
      ? connecting(delay)
      : { tone: "waiting", text: `${upper(name)} on, connecting to the kernel` };
  }
  if (asking) return { tone: "waiting", text: words.asking };
  if (elsewhere) {
    if (playing && source === "live") return { tone: "live", text: `Live from another page's ${name}` };
    return { tone: "waiting", text: `Waiting for another page's ${name}${why ? `: ${why}` : ""}` };
  }
  if (link !== "connected") return connecting(delay);
  return { tone: "off", text: words.off };
}

/**
 * A view of a connection to somebody else.
 * @param {object} view
 * @param {Link} view.link
 * @param {string} view.connectionState
 * @param {boolean} [view.left] Whether the other side has said so.
 * @returns {Sentence}
 */
export function describeConnection({ link, connectionState, left = false }) {
  switch (connectionState) {
    case "failed":
      if (left) return { tone: "off", text: "The other side has closed the connection" };
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
