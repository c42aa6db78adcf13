/**
 * A video in a box of its own proportions. What was shown last stays while there is nothing newer.
 * @import { IconName } from "./dom.js"
 */
import { create, icon } from "./dom.js";

export class Picture {
  video = create("video", { class: "jrtc-video", autoplay: true, playsinline: true });
  #still = create("canvas", { class: "jrtc-still", "aria-hidden": "true" });
  #empty = create("div", { class: "jrtc-empty", "aria-hidden": "true" });
  /** Shown where the browser wants a click before it plays sound. */
  hear = create("button", {
    type: "button",
    class: "jrtc-action jrtc-hear",
    text: "Click to hear",
    hidden: true,
  });
  element = create("div", { class: "jrtc-stage" }, this.#empty, this.#still, this.video, this.hear);
  #stream = new MediaStream();
  #onchange;
  #muted = true;
  #symbol = "";
  /** Whether a picture, or sound alone, has come from the tracks that are shown. */
  playing = false;
  /** Width by height, of what was shown last or is expected. */
  ratio = 4 / 3;

  /**
   * @param {() => void} onchange
   * @param {AbortSignal} signal
   */
  constructor(onchange, signal) {
    this.#onchange = onchange;
    const video = this.video;
    video.muted = true;
    for (const event of ["loadeddata", "playing", "resize"]) {
      video.addEventListener(event, () => this.#arrived(), { signal });
    }
    // A page that takes its view out for a while, as a collapsed output does, stops the video, and no attribute
    // starts it again. Back in the page it has a size again.
    const sizes = new ResizeObserver(() => {
      if (video.paused && video.isConnected) this.#play();
    });
    sizes.observe(this.element);
    signal.addEventListener("abort", () => sizes.disconnect());
    this.hear.addEventListener("click", () => this.#setMuted(false), { signal });
    signal.addEventListener("abort", () => {
      video.srcObject = null;
    });
  }

  get size() {
    const { videoWidth, videoHeight } = this.video;
    return videoWidth > 0 ? `${videoWidth}×${videoHeight}` : "";
  }

  get hasSound() {
    return this.#stream.getAudioTracks().length > 0;
  }

  /**
   * What is seen before there is a picture.
   * @param {IconName} name
   */
  symbol(name) {
    if (this.#symbol !== name) this.#empty.replaceChildren(icon(name));
    this.#symbol = name;
  }

  /**
   * Tracks without data are left out, so that a connection that comes back does not blank the picture.
   * @param {MediaStreamTrack[]} tracks
   */
  show(tracks) {
    const wanted = tracks.filter((track) => !track.muted && track.readyState === "live");
    const shown = this.#stream.getTracks();
    if (wanted.length === 0 || same(wanted, shown)) return;
    if (shown.some((track) => wanted.includes(track))) {
      this.#keepStill();
      for (const track of shown) if (!wanted.includes(track)) this.#stream.removeTrack(track);
      for (const track of wanted) this.#stream.addTrack(track);
    } else {
      this.freeze();
      this.#stream = new MediaStream(wanted);
      this.video.srcObject = this.#stream;
    }
    this.#play();
  }

  #keepStill() {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0) return;
    this.#still.width = videoWidth;
    this.#still.height = videoHeight;
    this.#still.getContext("2d")?.drawImage(this.video, 0, 0);
  }

  /**
   * Reserve the room before the first picture comes.
   * @param {{width?: number, height?: number}} size
   */
  expect({ width, height }) {
    if (width && height && !("seen" in this.element.dataset)) this.ratio = width / height;
  }

  /** Keep what is seen, for a video is blank without its tracks. */
  freeze() {
    this.#keepStill();
    this.#stream = new MediaStream();
    this.video.srcObject = null;
  }

  /** Show nothing: what was seen is to be seen no more. */
  clear() {
    if (this.#stream.getTracks().length === 0 && !this.playing) return;
    this.#stream = new MediaStream();
    this.video.srcObject = null;
    this.#still.width = 0;
    this.playing = false;
    delete this.element.dataset.seen;
  }

  /** @param {boolean} muted */
  mute(muted) {
    // What the browser has refused is asked again only when a person wants it.
    if (muted !== this.#muted) this.#setMuted(muted);
  }

  /** @param {boolean} muted */
  #setMuted(muted) {
    this.#muted = muted;
    this.video.muted = muted;
    this.hear.hidden = true;
    this.#play();
  }

  async #play() {
    if (this.#stream.getTracks().length === 0) return;
    try {
      await this.video.play();
    } catch (error) {
      // A newer stream interrupts the older one's beginning, a removed view both.
      if (error instanceof DOMException && error.name === "AbortError") return;
      if (!(error instanceof DOMException && error.name === "NotAllowedError")) throw error;
      // Browsers want a click before there is sound: play silently until then.
      if (this.video.muted) return;
      this.video.muted = true;
      this.hear.hidden = false;
      this.#play();
    }
  }

  #arrived() {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth > 0) {
      this.ratio = videoWidth / videoHeight;
      this.element.dataset.seen = "";
      // Arrays of a few pixels are shown as such.
      this.video.classList.toggle("jrtc-pixels", videoWidth < 128);
    } else if (this.#stream.getVideoTracks().length > 0) {
      return;
    }
    this.playing = true;
    this.#onchange();
  }
}

/**
 * @param {MediaStreamTrack[]} some
 * @param {MediaStreamTrack[]} others
 */
function same(some, others) {
  return some.length === others.length && some.every((track) => others.includes(track));
}
