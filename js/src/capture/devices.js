/**
 * The page's cameras and microphones, and why it gets none, in words that a person can act on.
 * @import { CaptureError, CaptureWish, Device, Kind } from "../types.js"
 */
import { kinds, nameOf } from "./words.js";

/** Where a page keeps what a person chose last. */
const REMEMBERED = "jupyter_rtc.device.";

/** @typedef {Partial<Record<Kind, true | MediaTrackConstraints>>} Wanted */

/** @param {CaptureWish} wish */
export async function open({ audio, video }) {
  const asked = { ...(video && { video }), ...(audio && { audio }) };
  const wanted = {
    ...(video && { video: preferred("video", video) }),
    ...(audio && { audio: preferred("audio", audio) }),
  };
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotAllowedError") throw error;
    const others = same(asked, wanted) ? await withoutMissing(asked) : asked;
    if (same(others, wanted)) throw error;
    return navigator.mediaDevices.getUserMedia(others);
  }
}

/**
 * @param {Wanted} one
 * @param {Wanted} other
 */
function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/**
 * A person's choice counts in every notebook of this site.
 * @param {Kind} kind
 * @param {string} deviceId
 */
export function remember(kind, deviceId) {
  try {
    localStorage.setItem(REMEMBERED + kind, deviceId);
  } catch {
    // A browser that keeps nothing remembers nothing.
  }
}

/** @param {Kind} kind */
function remembered(kind) {
  try {
    return localStorage.getItem(REMEMBERED + kind);
  } catch {
    return null;
  }
}

/**
 * The remembered device, where none was asked for.
 * @param {Kind} kind
 * @param {true | MediaTrackConstraints} constraints
 */
function preferred(kind, constraints) {
  const wanted = constraints === true ? {} : constraints;
  const deviceId = remembered(kind);
  if (!deviceId || wanted.deviceId || wanted.facingMode) return constraints;
  return { ...wanted, deviceId: { exact: deviceId } };
}

/**
 * @param {Wanted} wanted
 * @returns {Promise<Wanted>} The same for any device, where one was asked for that is not there.
 */
async function withoutMissing(wanted) {
  const ids = (await list()).map(({ deviceId }) => deviceId);
  const others = { ...wanted };
  for (const kind of /** @type {Kind[]} */ (["video", "audio"])) {
    const constraints = wanted[kind];
    if (typeof constraints !== "object") continue;
    const { deviceId, ...rest } = constraints;
    const exact = typeof deviceId === "object" && "exact" in deviceId ? deviceId.exact : undefined;
    if (typeof exact === "string" && !ids.includes(exact)) others[kind] = rest;
  }
  return others;
}

/**
 * What is captured in place of a device that is not there any more.
 * @param {CaptureWish} wish
 * @param {Device} device
 * @returns {Promise<CaptureWish | undefined>}
 */
export async function instead(wish, { kind, deviceId }) {
  const mine = (await list()).filter((other) => other.kind === kind);
  // One that is still there has failed, and would fail again.
  if (mine.length === 0 || mine.some((other) => other.deviceId === deviceId)) return undefined;
  const constraints = wish[kind];
  if (typeof constraints !== "object") return wish;
  const { deviceId: _, ...rest } = constraints;
  return { ...wish, [kind]: rest };
}

/** @returns {Promise<Device[]>} */
export async function list() {
  const all = await navigator.mediaDevices.enumerateDevices();
  return all
    .filter(({ kind }) => kind === "videoinput" || kind === "audioinput")
    .map(({ deviceId, kind, label }) => ({
      deviceId,
      kind: kind === "videoinput" ? "video" : "audio",
      label,
    }));
}

/**
 * @param {MediaStreamTrack} track
 * @returns {CaptureError}
 */
export function lost({ kind }) {
  const what = kind === "video" ? "camera" : "microphone";
  return { name: "NotReadableError", message: `the ${what} was disconnected` };
}

/**
 * What stands in the way before the browser is even asked.
 * @param {CaptureWish} wish
 * @returns {CaptureError | undefined}
 */
export function obstacle(wish) {
  const what = nameOf(wish);
  if (inCodeEditor()) {
    return {
      name: "SecurityError",
      message: `VS Code gives notebooks no ${what}. Open this notebook in JupyterLab in a browser: its kernel gets the pictures there`,
    };
  }
  if (!navigator.mediaDevices?.getUserMedia) return insecure(what);
  const forbidden = kinds(wish).filter((kind) => !allowed(kind === "video" ? "camera" : "microphone"));
  if (forbidden.length === 0) return undefined;
  return {
    name: "SecurityError",
    message:
      `the page that this one is embedded in forbids the ${what} ` +
      '(its iframe needs allow="camera; microphone"). Open the notebook in a tab of its own',
  };
}

/**
 * @param {unknown} error What getUserMedia threw.
 * @param {CaptureWish} wish
 * @returns {CaptureError}
 */
export function explain(error, wish) {
  const name = error instanceof DOMException || error instanceof Error ? error.name : "Error";
  const said = error instanceof Error || error instanceof DOMException ? error.message : String(error);
  const what = nameOf(wish);
  switch (name) {
    case "NotAllowedError":
      return {
        name,
        message: `no permission: allow the ${what} in the page's address bar, then press Start`,
      };
    case "NotFoundError":
      return { name, message: `no ${what} was found on this computer` };
    case "NotReadableError":
      return { name, message: `the ${what} is used by another program, or was disconnected (${said})` };
    case "OverconstrainedError": {
      const constraint = /** @type {{constraint?: string}} */ (error).constraint;
      return { name, message: `no ${what} can do what was asked for${constraint ? ` (${constraint})` : ""}` };
    }
    default:
      return { name, message: said || `the ${what} could not be opened` };
  }
}

/**
 * @param {string} what
 * @returns {CaptureError}
 */
export function insecure(what) {
  return {
    name: "SecurityError",
    message:
      `browsers give a ${what} only to pages at https: or localhost, and this one is at ${location.origin}. ` +
      "Serve Jupyter by https, or open it through a tunnel: ssh -L 8888:localhost:8888 HOST",
  };
}

/** Its pages for notebooks are sandboxed, on the desktop and on the web. */
function inCodeEditor() {
  const { protocol, hostname } = globalThis.location ?? {};
  return protocol === "vscode-webview:" || Boolean(hostname?.endsWith(".vscode-cdn.net"));
}

/** @param {string} feature */
export function allowed(feature) {
  // Only Chromium tells; elsewhere getUserMedia throws NotAllowedError.
  const { featurePolicy } = /** @type {{featurePolicy?: {allowsFeature(name: string): boolean}}} */ (
    document
  );
  return featurePolicy?.allowsFeature(feature) ?? true;
}
