/** Shows how loud a track is. */
import { create } from "./dom.js";

/** Milliseconds between two levels, for those who asked for less motion. */
const CALM = 500;

export class Meter {
  #level = create("div", { class: "jrtc-level" });
  element = create("div", { class: "jrtc-meter", "aria-hidden": "true", hidden: true }, this.#level);
  #signal;
  /** @type {MediaStreamTrack | undefined} */
  #track;
  /** @type {AbortController | undefined} */
  #listening;

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#listening?.abort());
  }

  /** @param {MediaStreamTrack | undefined} track */
  listen(track) {
    if (track === this.#track || this.#signal.aborted) return;
    this.#track = track;
    this.#listening?.abort();
    this.element.hidden = !track;
    if (!track) return;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const begin = () => measure(track, this.#level, signal);
    // Before a person has touched the page an AudioContext may not run, and browsers complain.
    if (navigator.userActivation?.hasBeenActive ?? true) begin();
    else
      for (const event of ["pointerup", "keyup"])
        document.addEventListener(event, begin, { once: true, signal });
  }
}

/**
 * @param {MediaStreamTrack} track
 * @param {HTMLElement} level
 * @param {AbortSignal} signal
 */
function measure(track, level, signal) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let last = 0;
  let frame = 0;
  const draw = (/** @type {number} */ now) => {
    frame = requestAnimationFrame(draw);
    if (calm && now - last < CALM) return;
    last = now;
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    // -60 dB to 0 dB.
    const decibels = 10 * Math.log10(power + 1e-9);
    level.style.transform = `scaleX(${Math.min(Math.max(1 + decibels / 60, 0), 1).toFixed(3)})`;
  };
  frame = requestAnimationFrame(draw);
  signal.addEventListener("abort", () => {
    cancelAnimationFrame(frame);
    context.close();
  });
}
