/**
 * The page's cameras and microphones, and why it gets none, in words that a person can act on.
 * @import { CaptureError, CaptureWish, Device } from "../types.js"
 */
import { kinds, nameOf } from "./words.js";

/** @param {CaptureWish} wish */
export function open({ audio, video }) {
  return navigator.mediaDevices.getUserMedia({ ...(video && { video }), ...(audio && { audio }) });
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
