/**
 * The picture of another widget on this page: its canvas or video.
 * @import { CaptureError, CaptureWish } from "../types.js"
 * @import { Picture } from "./copy.js"
 */
import { Copy, hasPicture } from "./copy.js";

/** How long a widget that is displayed by the same cell may take to show a canvas, in milliseconds. */
const PATIENCE = 5000;
/** How long its canvas may stay empty before a person is told. */
const EMPTY = 2000;
const GLANCE = 100;
/** A picture that does not change is sent again so often, for those who begin to look. */
const REFRESH = 1000;
/** Below this, in CSS pixels, it is a symbol or a ruler and not the picture. */
const SMALLEST = 8;

/**
 * ipywidgets', as anywidget hands it on; front ends without it cannot tell where another widget is.
 * @typedef {{get_model(id: string): Promise<{views?: Record<string, Promise<{el: HTMLElement}>>}>}} WidgetManager
 */
/** @typedef {{element: Picture, area: number}} Candidate */

const NO_PICTURE = "the widget has no canvas, and no video that plays, and only these can be captured";
const NOT_SHOWN = "the widget is not shown in this page: show it, then press Start";

/** @param {string} message */
const notFound = (message) => new DOMException(message, "NotFoundError");

/**
 * @param {CaptureWish} wish
 * @param {AbortSignal} signal
 * @param {object} context
 * @param {WidgetManager} [context.manager]
 * @param {(note: string) => void} context.wait Told what is waited for, in a sentence.
 */
export async function open({ model = "", fps = 30 }, signal, { manager, wait }) {
  const copy = await firstPicture(model, fps, signal, manager, wait);
  const stream = copy.stream();
  const [track] = stream.getVideoTracks();
  const timer = setInterval(() => {
    if (copy.element.isConnected) return copy.touch();
    clearInterval(timer);
    track.stop();
    // stop() tells nobody; its owner is to know.
    track.dispatchEvent(new Event("ended"));
  }, REFRESH);
  signal.addEventListener("abort", () => clearInterval(timer));
  return stream;
}

/** @returns {CaptureError | undefined} */
export function obstacle() {
  return undefined;
}

/**
 * @param {unknown} error
 * @returns {CaptureError}
 */
export function explain(error) {
  const { name, message } =
    error instanceof Error || error instanceof DOMException ? error : new Error(String(error));
  if (name !== "SecurityError") return { name, message };
  return { name, message: "the widget draws pictures of another site, which browsers give to nobody" };
}

/** Its view may have been moved, or its video plays something else now: look for it again. */
export function lost() {
  return /** @type {const} */ ("again");
}

/**
 * @param {string} model
 * @param {number} fps
 * @param {AbortSignal} signal
 * @param {WidgetManager | undefined} manager
 * @param {(note: string) => void} wait
 * @returns {Promise<Copy>}
 */
async function firstPicture(model, fps, signal, manager, wait) {
  if (!manager?.get_model) throw notFound("this front end does not tell where other widgets are");
  const began = performance.now();
  /** @type {Copy | undefined} */
  let copy;
  let shown = false;
  let found = began;
  let told = "";
  const drawn = new Drawn();
  signal.addEventListener("abort", () => copy?.close());
  try {
    for (let due = began; !signal.aborted; await drawn.next()) {
      const now = performance.now();
      if (now >= due) {
        due = now + GLANCE;
        const roots = await rootsOf(model, manager);
        shown ||= roots.some((el) => el.isConnected);
        const element = best(roots.flatMap((el) => [...candidates(el)]));
        if (element !== copy?.element) {
          copy?.close();
          copy = element && new Copy(element, fps);
          found = now;
        }
        const note = copy && now - found > EMPTY ? emptiness(roots, copy.element) : told;
        if (note !== told) wait(note);
        told = note;
      }
      if (copy?.look()) return copy;
      if (!copy && now - began > PATIENCE) throw notFound(shown ? NO_PICTURE : NOT_SHOWN);
    }
  } finally {
    drawn.close();
  }
  throw new DOMException("it is not wanted any more", "AbortError");
}

/**
 * Tells when all that draws in a frame has drawn. A WebGL scene can be read until the frame is shown, and observers of
 * sizes come after the frame's callbacks, whoever has asked for them last.
 */
class Drawn {
  #probe = document.createElement("div");
  #told = () => {};
  #observer = new ResizeObserver(() => this.#told());

  constructor() {
    this.#probe.style.cssText = "position: fixed; top: 0; height: 0; visibility: hidden";
    document.body.append(this.#probe);
    this.#observer.observe(this.#probe);
  }

  /** @returns {Promise<void>} In a hidden page, which has no frames, after a glance. */
  next() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GLANCE);
      this.#told = () => {
        clearTimeout(timer);
        resolve();
      };
      if (document.hidden) return;
      requestAnimationFrame(() => {
        const { style } = this.#probe;
        style.width = style.width === "1px" ? "0" : "1px";
      });
    });
  }

  close() {
    this.#observer.disconnect();
    this.#probe.remove();
  }
}

/**
 * @param {string} model
 * @param {WidgetManager} manager
 * @returns {Promise<HTMLElement[]>} Of its views.
 */
async function rootsOf(model, manager) {
  const { views = {} } = await manager.get_model(model).catch(() => {
    throw notFound("the widget was closed: make another, and another capture of it");
  });
  const settled = await Promise.allSettled(Object.values(views));
  return settled.flatMap((view) => (view.status === "fulfilled" ? [view.value.el] : []));
}

/**
 * The largest: of several that are equally large a video, else the one that lies lowest. One in which nothing can be
 * seen is passed over for another that is not much smaller: it lies above it, and catches the mouse.
 * @param {Candidate[]} all
 */
function best(all) {
  const isVideo = (/** @type {Candidate} */ { element }) => Number(element instanceof HTMLVideoElement);
  const [first, ...others] = all.sort((one, other) => other.area - one.area || isVideo(other) - isVideo(one));
  const close = others.filter(({ area }) => area >= first.area / 2);
  if (close.length === 0 || hasPicture(first.element)) return first?.element;
  return (close.find(({ element }) => hasPicture(element)) ?? first).element;
}

/**
 * @param {HTMLElement} root A view's, which may be the canvas itself.
 * @returns {Generator<Candidate>}
 */
function* candidates(root) {
  for (const element of elements(root)) {
    if (!(element instanceof HTMLCanvasElement || element instanceof HTMLVideoElement)) continue;
    if (element instanceof HTMLVideoElement && element.readyState < HTMLMediaElement.HAVE_CURRENT_DATA)
      continue;
    const area = areaOf(element);
    if (area > SMALLEST * SMALLEST && isVisible(element)) yield { element, area };
  }
}

/**
 * @param {Element | ShadowRoot} root
 * @returns {Generator<Element>} It and all that is in it.
 */
function* elements(root) {
  if (root instanceof Element) yield root;
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot) yield* elements(element.shadowRoot);
  }
}

/** @param {Element} element */
function areaOf(element) {
  const { width, height } = element.getBoundingClientRect();
  return width * height;
}

/** @param {Element} element */
function isVisible(element) {
  return element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true;
}

/**
 * @param {HTMLElement[]} roots
 * @param {Picture} element
 * @returns {string} Why nothing is seen in it.
 */
function emptiness(roots, element) {
  const area = areaOf(element) / 2;
  const drawings = roots.flatMap((root) => [...root.querySelectorAll("svg")]);
  if (drawings.some((svg) => areaOf(svg) > area)) {
    return "the widget draws by SVG, and its canvas is empty: only a canvas or a video can be captured";
  }
  return (
    "waiting until the widget draws: its canvas is empty, or has a WebGL scene that was drawn before the capture " +
    "began, which cannot be read. Move it, or draw it again"
  );
}
