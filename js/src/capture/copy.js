/**
 * What another widget's canvas or video shows, on a canvas of our own.
 *
 * A foreign canvas is never asked for a context, not even for the one that it may have: if it has none yet, its owner
 * could not get another one any more. `captureStream` tells when it is drawn, whatever draws it; what was drawn before
 * can be copied as it stands, but for WebGL, which keeps nothing after a frame.
 */

/** @typedef {HTMLCanvasElement | HTMLVideoElement} Picture */
/** @typedef {{captureStream(fps?: number): MediaStream}} Capturable */

/** So many pixels are read to find out whether there is a picture. */
const MOST_READ = 128 * 128;
/**
 * A canvas of which a stream was taken cannot be given to a worker in Firefox, and in Chromium loses the first picture:
 * milliseconds that its owner has to draw one.
 */
const OWNERS_TIME = 10000;

export class Copy {
  #canvas = document.createElement("canvas");
  #context = this.#canvas.getContext("2d", { alpha: false });
  #lifetime = new AbortController();
  #pause;
  #found = performance.now();
  #last = 0;
  #watching = false;
  /** Whether there was a picture. */
  seen = false;

  /**
   * @param {Picture} element
   * @param {number} fps At most.
   */
  constructor(element, fps) {
    this.element = element;
    this.fps = fps;
    // A little less: pictures that come on time are not to be left out.
    this.#pause = 900 / fps;
  }

  /**
   * Copy what stands there already, and from then on what is drawn.
   * @returns {boolean} Whether there was a picture. Throws SecurityError where the browser gives none.
   */
  look() {
    if (!this.seen && hasPicture(this.element)) this.#draw(this.element);
    if (this.seen || performance.now() - this.#found > OWNERS_TIME) this.#watch();
    return this.seen;
  }

  /** @returns {MediaStream} Of what is copied from now on, at once of what was. */
  stream() {
    const stream = /** @type {Capturable & HTMLCanvasElement} */ (this.#canvas).captureStream(this.fps);
    requestAnimationFrame(() => this.touch());
    return stream;
  }

  /** Browsers capture a canvas when it is drawn to, and one that stands still never: draw nothing onto it. */
  touch() {
    const context = this.#context;
    if (!context) return;
    context.globalAlpha = 0;
    context.fillRect(0, 0, 1, 1);
    context.globalAlpha = 1;
  }

  close() {
    this.#lifetime.abort();
  }

  #watch() {
    if (this.#watching) return;
    this.#watching = true;
    const { element } = this;
    if (element instanceof HTMLVideoElement) return this.#follow(element);
    /** @type {MediaStream} */
    let stream;
    try {
      stream = /** @type {Capturable & HTMLCanvasElement} */ (element).captureStream(this.fps);
    } catch (error) {
      if (error instanceof DOMException && error.name === "SecurityError") throw error;
      // In Firefox, when a worker draws it.
      return this.#poll();
    }
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = stream;
    // What closing interrupts is no error.
    video.play().catch(() => {});
    this.#lifetime.signal.addEventListener("abort", () => {
      for (const track of stream.getTracks()) track.stop();
      video.srcObject = null;
    });
    this.#follow(video);
  }

  /** @param {HTMLVideoElement} video */
  #follow(video) {
    video.requestVideoFrameCallback(() => {
      if (this.#lifetime.signal.aborted) return;
      this.#drawInTime(video);
      this.#follow(video);
    });
  }

  #poll() {
    requestAnimationFrame(() => {
      if (this.#lifetime.signal.aborted) return;
      if (this.seen || hasPicture(this.element)) this.#drawInTime(this.element);
      this.#poll();
    });
  }

  /** @param {Picture} source */
  #drawInTime(source) {
    const now = performance.now();
    if (now - this.#last < this.#pause) return;
    this.#last = now;
    // A canvas that was only cleared, or given to a worker, is told as drawn, too.
    if (this.seen || pixelsOf(source).some(Boolean)) this.#draw(source);
  }

  /** @param {Picture} source */
  #draw(source) {
    const { width, height } = sizeOf(source);
    const context = this.#context;
    if (!context || !width || !height) return;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    // Where it is transparent, it looks as it does in the page.
    context.fillStyle = backgroundOf(this.element);
    context.fillRect(0, 0, width, height);
    context.drawImage(source, 0, 0, width, height);
    this.seen = true;
  }
}

/** @param {Picture} source */
function sizeOf(source) {
  return source instanceof HTMLVideoElement
    ? { width: source.videoWidth, height: source.videoHeight }
    : { width: source.width, height: source.height };
}

/**
 * @param {Picture} source
 * @returns {boolean} Whether there is more in it than one black, as far as it can be read just now: a WebGL scene
 *   that is opaque is black after its frame.
 */
export function hasPicture(source) {
  if (source instanceof HTMLVideoElement) return source.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  const pixels = pixelsOf(source);
  return pixels.some((pixel) => (pixel & 0xffffff) !== 0 || pixel !== pixels[0]);
}

/**
 * @param {Picture} source
 * @returns {Uint32Array} At most `MOST_READ`, ABGR.
 */
function pixelsOf(source) {
  const { width, height } = sizeOf(source);
  const scale = Math.min(1, Math.sqrt(MOST_READ / (width * height)));
  const scratch = document.createElement("canvas");
  scratch.width = Math.ceil(width * scale);
  scratch.height = Math.ceil(height * scale);
  const context = scratch.getContext("2d", { willReadFrequently: true });
  if (!context || !scratch.width || !scratch.height) return new Uint32Array();
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, scratch.width, scratch.height);
  return new Uint32Array(context.getImageData(0, 0, scratch.width, scratch.height).data.buffer);
}

/**
 * @param {Element} element
 * @returns {string} The colour that is seen through it.
 */
function backgroundOf(element) {
  /** @type {Node | null} */
  let node = element;
  while (node) {
    const colour = node instanceof Element ? getComputedStyle(node).backgroundColor : "";
    if (colour && colour !== "transparent" && !/(?:,|\/) *0(?:\.\d+)?\)$/.test(colour)) return colour;
    node = node instanceof ShadowRoot ? node.host : node.parentNode;
  }
  return "white";
}
