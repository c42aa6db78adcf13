/**
 * The picture of another widget on this page: its canvas or video.
 * @import { CaptureError, CaptureWish } from "../types.js"
 */

/** How long a widget that is displayed by the same cell may take to draw itself, in milliseconds. */
const PATIENCE = 5000;
const GLANCE = 100;
/** A picture that does not change is sent again so often, for those who begin to look. */
const REFRESH = 1000;
/** Below this, in CSS pixels, it is a symbol or a ruler and not the picture. */
const SMALLEST = 8;

/**
 * ipywidgets', as anywidget hands it on; front ends without it cannot tell where another widget is.
 * @typedef {{get_model(id: string): Promise<{views?: Record<string, Promise<{el: HTMLElement}>>}>}} WidgetManager
 */
/** @typedef {HTMLCanvasElement | HTMLVideoElement} Picture */
/** @typedef {{captureStream(fps?: number): MediaStream, mozCaptureStream?(): MediaStream}} Capturable */

/** @param {string} message */
const notFound = (message) => new DOMException(message, "NotFoundError");

/**
 * @param {CaptureWish} wish
 * @param {AbortSignal} signal
 * @param {WidgetManager} [manager]
 */
export async function open({ model = "", fps = 30 }, signal, manager) {
  const element = await find(model, signal, manager);
  const capturable = /** @type {Capturable & Picture} */ (element);
  const stream =
    element instanceof HTMLCanvasElement
      ? capturable.captureStream(fps)
      : new MediaStream(
          (capturable.captureStream ?? capturable.mozCaptureStream).call(element).getVideoTracks(),
        );
  const [track] = stream.getVideoTracks();
  if (!track) throw notFound("the widget's video has no picture");
  if (element instanceof HTMLCanvasElement) touch(element);
  const timer = setInterval(() => {
    if (element.isConnected) {
      if (element instanceof HTMLCanvasElement) touch(element);
    } else {
      clearInterval(timer);
      track.stop();
      // stop() tells nobody; its owner is to know.
      track.dispatchEvent(new Event("ended"));
    }
  }, REFRESH);
  signal.addEventListener("abort", () => clearInterval(timer));
  return stream;
}

/**
 * Browsers capture a canvas when it is drawn to, and one that stands still never: draw nothing onto it. What another
 * kind of context has drawn is left alone, and is captured when it is drawn next.
 * @param {HTMLCanvasElement} canvas
 */
function touch(canvas) {
  /** @type {CanvasRenderingContext2D | null} */
  let context;
  try {
    context = canvas.getContext("2d");
  } catch {
    return; // a worker draws it
  }
  if (!context) return;
  context.save();
  context.globalAlpha = 0;
  context.fillRect(0, 0, 1, 1);
  context.restore();
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
 * @param {AbortSignal} signal
 * @param {WidgetManager} [manager]
 * @returns {Promise<Picture>}
 */
async function find(model, signal, manager) {
  if (!manager?.get_model) throw notFound("this front end does not tell where other widgets are");
  const { views = {} } = await manager.get_model(model).catch(() => {
    throw notFound("the widget was closed: make another, and another capture of it");
  });
  const until = performance.now() + PATIENCE;
  let shown = false;
  while (!signal.aborted && performance.now() < until) {
    for (const view of Object.values(views)) {
      const { el } = await view;
      shown ||= el.isConnected;
      const picture = largest(el);
      if (picture && hasPicture(picture)) return picture;
    }
    await new Promise((resolve) => setTimeout(resolve, GLANCE));
  }
  throw notFound(
    shown
      ? "the widget has no canvas, and no video that plays, and only these can be captured"
      : "the widget is not shown in this page: show it, then press Start",
  );
}

/** @param {Picture} element */
function hasPicture(element) {
  return element instanceof HTMLCanvasElement || element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
}

/**
 * @param {HTMLElement} root
 * @returns {Picture | undefined} Of several that are equally large a video, else the canvas that lies lowest.
 */
function largest(root) {
  let [found, area] = /** @type {[Picture | undefined, number]} */ ([undefined, SMALLEST * SMALLEST]);
  for (const element of pictures(root)) {
    const { width, height } = element.getBoundingClientRect();
    const better = element instanceof HTMLVideoElement && found instanceof HTMLCanvasElement;
    if (width * height > area || (better && width * height === area))
      [found, area] = [element, width * height];
  }
  return found;
}

/**
 * @param {ParentNode} root
 * @returns {Generator<Picture>}
 */
function* pictures(root) {
  for (const element of root.querySelectorAll("*")) {
    if (element instanceof HTMLCanvasElement || element instanceof HTMLVideoElement) yield element;
    if (element.shadowRoot) yield* pictures(element.shadowRoot);
  }
}
