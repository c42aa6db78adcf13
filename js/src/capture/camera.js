/**
 * The page's camera and microphone. Turned on by `start` only, which is called for the kernel's command or
 * a person's click, and by nothing else.
 * @import { CaptureError, CaptureState, CaptureWish, Device, Kind, PageMessage } from "../types.js"
 */
import { device, explain, kinds, obstacle } from "./obstacle.js";

/** @typedef {"page" | "kernel"} By */

export class Capture {
  /** @type {(message: Extract<PageMessage, {type: "capture"}>) => void} */
  #post;
  /** @type {() => void} */
  #onchange;
  #lifetime = new AbortController();
  /** Of the stream that is live. @type {AbortController | undefined} */
  #live;
  /** Counts starts and stops: what an older one still brings is dropped. */
  #turn = 0;
  #watching = false;
  /** @type {By} */
  #by = "kernel";
  /** @type {CaptureState} */
  state = "idle";
  /** @type {CaptureError | undefined} */
  error;
  /** @type {MediaStream | undefined} */
  stream;
  /** @type {CaptureWish} */
  wish = {};
  /** @type {Device[]} */
  devices = [];
  microphoneMuted = false;

  /**
   * @param {(message: Extract<PageMessage, {type: "capture"}>) => void} post
   * @param {() => void} onchange
   */
  constructor(post, onchange) {
    this.#post = post;
    this.#onchange = onchange;
  }

  get on() {
    return this.state === "starting" || this.state === "live";
  }

  /** @returns {Partial<Record<Kind, MediaStreamTrack>>} */
  get tracks() {
    return { video: this.stream?.getVideoTracks()[0], audio: this.stream?.getAudioTracks()[0] };
  }

  /**
   * @param {CaptureWish} wish
   * @param {By} by
   */
  async start(wish, by) {
    if (this.on && JSON.stringify(wish) === JSON.stringify(this.wish)) {
      // Asked twice, by a click and by the kernel: one prompt is enough.
      this.#by = by;
      this.#report();
      return;
    }
    this.#turn += 1;
    const turn = this.#turn;
    // Before the new one is opened: phones open one camera at a time.
    this.#release();
    this.wish = wish;
    this.#become("starting", by);
    const error = obstacle(wish);
    if (error) return this.#become("error", by, error);
    /** @type {MediaStream} */
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia(wish);
    } catch (thrown) {
      if (turn === this.#turn) this.#become("error", this.#by, explain(thrown, wish));
      return;
    }
    if (turn !== this.#turn) return halt(stream);
    this.#hold(stream);
    // Their names are told only now that there is a permission.
    const devices = await this.#list();
    if (turn !== this.#turn) return;
    this.devices = devices;
    this.#watch();
    this.#become("live", this.#by);
  }

  /** @param {By} by */
  stop(by) {
    if (!this.on && this.state !== "error") return;
    this.#turn += 1;
    this.#release();
    this.#become("stopped", by);
  }

  /** @param {string} deviceId */
  switch(deviceId) {
    const kind = this.devices.find((other) => other.deviceId === deviceId)?.kind;
    if (!kind) return;
    const { facingMode: _, ...constraints } = constraintsOf(this.wish[kind]);
    this.start({ ...this.wish, [kind]: { ...constraints, deviceId: { exact: deviceId } } }, "page");
  }

  /** @param {boolean} muted */
  muteMicrophone(muted) {
    this.microphoneMuted = muted;
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !muted;
    this.#onchange();
  }

  /** Tell the kernel once more, when it may not know. */
  report() {
    if (this.state !== "idle") this.#report();
  }

  /** Off, without a word: there is nobody to tell. */
  drop() {
    this.#turn += 1;
    this.#release();
    if (this.state !== "idle") this.state = "stopped";
    this.error = undefined;
    this.#onchange();
  }

  close() {
    this.drop();
    this.#lifetime.abort();
  }

  /** @param {MediaStream} stream */
  #hold(stream) {
    this.stream = stream;
    this.#live = new AbortController();
    for (const track of stream.getTracks()) {
      if (track.kind === "audio") track.enabled = !this.microphoneMuted;
      track.addEventListener("ended", () => this.#lost(track), { signal: this.#live.signal });
    }
  }

  /** @param {MediaStreamTrack} track */
  #lost(track) {
    const what = track.kind === "video" ? "camera" : "microphone";
    this.#turn += 1;
    this.#release();
    this.#become("error", "page", { name: "NotReadableError", message: `the ${what} was disconnected` });
  }

  #release() {
    this.#live?.abort();
    if (this.stream) halt(this.stream);
    this.stream = undefined;
  }

  #watch() {
    if (this.#watching) return;
    this.#watching = true;
    navigator.mediaDevices.addEventListener(
      "devicechange",
      async () => {
        const devices = await this.#list();
        if (JSON.stringify(devices) === JSON.stringify(this.devices)) return;
        this.devices = devices;
        this.#report();
      },
      { signal: this.#lifetime.signal },
    );
  }

  /** @returns {Promise<Device[]>} */
  async #list() {
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
   * @param {CaptureState} state
   * @param {By} by
   * @param {CaptureError} [error]
   */
  #become(state, by, error) {
    this.state = state;
    this.#by = by;
    this.error = error;
    this.#report();
  }

  #report() {
    /** @type {Partial<Record<Kind, MediaTrackSettings>>} */
    const settings = {};
    for (const kind of kinds(this.wish)) {
      const track = this.tracks[kind];
      if (track) settings[kind] = track.getSettings();
    }
    this.#post({
      type: "capture",
      state: this.state,
      by: this.#by,
      ...(this.error && { error: this.error }),
      ...(this.stream && { settings }),
      ...(this.devices.length > 0 && { devices: this.devices }),
      ...(this.stream && { device: (settings.video ?? settings.audio)?.deviceId ?? "" }),
    });
    this.#onchange();
  }

  /** What it is called in a sentence. */
  get name() {
    return device(this.wish);
  }
}

/** @param {boolean | MediaTrackConstraints | undefined} constraints */
function constraintsOf(constraints) {
  return typeof constraints === "object" ? constraints : {};
}

/** @param {MediaStream} stream */
function halt(stream) {
  for (const track of stream.getTracks()) track.stop();
}
