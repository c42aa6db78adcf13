/** Elements, without HTML text: what a kernel or a device calls itself is never parsed. */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | boolean | undefined>} [attributes] `text` is the content.
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function create(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name === "text") element.textContent = String(value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** Drawn on 24 by 24, by lines 2 wide. */
const ICONS = {
  camera: "M3 7h11v10H3zM14 11l7-4v10l-7-4z",
  "camera-off": "M3 7h11v10H3zM14 11l7-4v10l-7-4zM3 3l18 18",
  microphone: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
  "microphone-off":
    "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3M3 3l18 18",
  start: "M7 4l13 8-13 8z",
  stop: "M5 5h14v14H5z",
  sound: "M4 9v6h4l5 4V5L8 9zM16 8.5a5 5 0 0 1 0 7M18.5 6a8.5 8.5 0 0 1 0 12",
  "sound-off": "M4 9v6h4l5 4V5L8 9zM17 9.5l5 5M22 9.5l-5 5",
  fullscreen: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  screen: "M3 4h18v12H3zM8 20h8M12 16v4",
  statistics: "M4 20v-6M10 20V9M16 20v-9M22 20H2M20 20V5",
  picture: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 6M15.5 9h.01",
};
/** @typedef {keyof typeof ICONS} IconName */

/** @param {IconName} name */
export function icon(name) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "jrtc-icon");
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
