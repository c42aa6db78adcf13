/**
 * What is captured, and what one does with it, in words.
 * @import { CaptureWish, Kind } from "../types.js"
 */

/**
 * @param {CaptureWish} wish
 * @returns {string} As it stands in a sentence.
 */
export function nameOf(wish) {
  if (wish.source === "screen") return "screen";
  if (wish.source === "element") return "widget's picture";
  if (!wish.video) return "microphone";
  return wish.audio ? "camera and microphone" : "camera";
}

/** @param {CaptureWish} wish */
export function wordsOf(wish) {
  const name = nameOf(wish);
  const capital = name.charAt(0).toUpperCase() + name.slice(1);
  switch (wish.source) {
    case "screen":
      return { name, start: "Share the screen", stop: "Stop sharing", off: "Screen not shared" };
    case "element":
      return { name, start: "Start the capture", stop: "Stop the capture", off: "Capture off" };
    default:
      return { name, start: `Start the ${name}`, stop: `Stop the ${name}`, off: `${capital} off` };
  }
}

/**
 * @param {CaptureWish} wish
 * @returns {Kind[]}
 */
export function kinds(wish) {
  const all = /** @type {Kind[]} */ (["video", "audio"]);
  return all.filter((kind) => wish[kind]);
}
