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
  if (wish.source === "element") return "capture";
  if (!wish.video) return "microphone";
  return wish.audio ? "camera and microphone" : "camera";
}

/** @typedef {ReturnType<typeof wordsOf>} Words */

/**
 * `take`: to have it from another page; `asking`: what is going on until there is an answer.
 * @param {CaptureWish} wish
 */
export function wordsOf(wish) {
  const name = nameOf(wish);
  const capital = name.charAt(0).toUpperCase() + name.slice(1);
  const asking = `Asking for the ${name}…`;
  switch (wish.source) {
    case "screen": {
      const start = "Share the screen";
      return { name, start, stop: "Stop sharing", take: start, off: "Screen not shared", asking };
    }
    case "element":
      return {
        name,
        start: "Start the capture",
        stop: "Stop the capture",
        take: "Capture in this page",
        off: "Capture off",
        asking: "Looking for the widget…",
      };
    default:
      return {
        name,
        start: `Start the ${name}`,
        stop: `Stop the ${name}`,
        take: `Use this page's ${name}`,
        off: `${capital} off`,
        asking,
      };
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
