/**
 * Why a page gets no camera, in words that a person can act on.
 * @import { CaptureError, CaptureWish, Kind } from "../types.js"
 */

/**
 * What stands in the way before the browser is even asked.
 * @param {CaptureWish} wish
 * @returns {CaptureError | undefined}
 */
export function obstacle(wish) {
  if (!navigator.mediaDevices?.getUserMedia) {
    return {
      name: "SecurityError",
      message:
        `browsers give a camera only to pages at https: or localhost, and this one is at ${location.origin}. ` +
        "Serve Jupyter by https, or open it through a tunnel: ssh -L 8888:localhost:8888 HOST",
    };
  }
  const forbidden = kinds(wish).filter((kind) => !allowed(kind === "video" ? "camera" : "microphone"));
  if (forbidden.length === 0) return undefined;
  return {
    name: "SecurityError",
    message:
      `the page that this one is embedded in forbids the ${device(wish)} ` +
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
  const what = device(wish);
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

/** @param {CaptureWish} wish */
export function device(wish) {
  if (!wish.video) return "microphone";
  return wish.audio ? "camera and microphone" : "camera";
}

/**
 * @param {CaptureWish} wish
 * @returns {Kind[]}
 */
export function kinds(wish) {
  const all = /** @type {Kind[]} */ (["video", "audio"]);
  return all.filter((kind) => wish[kind]);
}

/** @param {string} feature */
function allowed(feature) {
  // Only Chromium tells; elsewhere getUserMedia throws NotAllowedError.
  const { featurePolicy } = /** @type {{featurePolicy?: {allowsFeature(name: string): boolean}}} */ (
    document
  );
  return featurePolicy?.allowsFeature(feature) ?? true;
}
