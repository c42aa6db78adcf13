/**
 * What this page captures: on or off, and for whom. Turned on by `start` only, which is called for the kernel's
 * command or a person's click, and by nothing else.
 * @import { CaptureError, CaptureState, CaptureWish, Device, Kind, PageMessage } from "../types.js"
 * @import { WidgetManager } from "./element.js"
 */
import * as devices from "./devices.js";
import * as element from "./element.js";
import * as screen from "./screen.js";
import { kinds, nameOf } from "./words.js";

/** @typedef {"page" | "kernel"} By */
/**
 * Where media come from.
 * @typedef {object} Source
 * @property {(wish: CaptureWish) => CaptureError | undefined} obstacle What stands in the way before it is asked.
 * @property {(wish: CaptureWish, signal: AbortSignal, context: Context) => Promise<MediaStream>} open
 *   `signal` aborts when the stream is not wanted any more.
 * @property {(error: unknown, wish: CaptureWish) => CaptureError} explain Of what `open` threw.
 * @property {(track: MediaStreamTrack) => CaptureError | "again" | undefined} lost What the end of a track means: an
 *   error, that it is to be opened once more, or that a person has ended it.
 * @property {(wish: CaptureWish, device: Device) => Promise<CaptureWish | undefined>} [instead] After an error: what
 *   may be captured in its place.
 */
/** @typedef {{manager?: WidgetManager, wait: (note: string) => void}} Context `wait` is told what is waited for. */
/** @type {Record<NonNullable<CaptureWish["source"]>, Source>} */
const SOURCES = { device: devices, screen, element };
/** How long the tracks may give nothing before that is told, in milliseconds. */
const PAUSE = 1500;
const HIDDEN =
  "the page that captures is hidden, and browsers draw nothing in a hidden page: bring its tab to the front";

export class Capture {
  /** @type {(message: Extract<PageMessage, {type: "capture"}>) => void} */
  #post;
  /** @type {() => void} */
  #onchange;
  #manager;
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
  /** What it waits for while it is starting, where there is more to say than its name. */
  note = "";
  /** @type {MediaStream | undefined} */
  stream;
  /** @type {CaptureWish} */
  wish = {};
  /** @type {Device[]} */
  devices = [];
  microphoneMuted = false;
  /** Whether it is started, and waits for a click without which the browser gives nothing. */
  invites = false;

  /**
   * @param {(message: Extract<PageMessage, {type: "capture"}>) => void} post
   * @param {() => void} onchange
   * @param {WidgetManager} [manager]
   */
  constructor(post, onchange, manager) {
    this.#post = post;
    this.#onchange = onchange;
    this.#manager = manager;
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
    const source = SOURCES[wish.source ?? "device"];
    const clicked = this.invites && by === "page";
    if (this.on && !clicked && JSON.stringify(wish) === JSON.stringify(this.wish)) {
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
    this.invites = source === screen && by === "kernel";
    this.#become("starting", by);
    if (this.invites) return;
    const error = source.obstacle(wish);
    if (error) return this.#become("error", by, error);
    /** @type {MediaStream} */
    let stream;
    const live = new AbortController();
    this.#live = live;
    try {
      const wait = (/** @type {string} */ note) => turn === this.#turn && this.#wait(note);
      stream = await source.open(wish, live.signal, { manager: this.#manager, wait });
    } catch (thrown) {
      if (turn === this.#turn) this.#become("error", this.#by, source.explain(thrown, wish));
      return;
    }
    if (turn !== this.#turn) return halt(stream);
    this.#hold(stream, source, live.signal);
    if (source === devices) {
      // Their names are told only now that there is a permission.
      const found = await devices.list();
      if (turn !== this.#turn) return;
      this.devices = found;
      this.#watch();
    }
    this.#watchMedia(stream, source, live.signal);
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
    devices.remember(kind, deviceId);
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

  /**
   * @param {MediaStream} stream
   * @param {Source} source
   * @param {AbortSignal} signal
   */
  #hold(stream, source, signal) {
    this.stream = stream;
    for (const track of stream.getTracks()) {
      if (track.kind === "audio") track.enabled = !this.microphoneMuted;
      const { deviceId = "" } = track.getSettings();
      const device = { deviceId, kind: /** @type {Kind} */ (track.kind), label: track.label };
      track.addEventListener("ended", () => this.#lost(source, track, device), { signal });
    }
  }

  /**
   * @param {Source} source
   * @param {MediaStreamTrack} track
   * @param {Device} device
   */
  async #lost(source, track, device) {
    this.#turn += 1;
    const turn = this.#turn;
    this.#release();
    const error = source.lost(track);
    const wish = error === "again" ? this.wish : error && (await source.instead?.(this.wish, device));
    if (turn !== this.#turn) return;
    if (wish) {
      this.state = "stopped";
      this.start(wish, "kernel");
    } else if (error !== "again") {
      this.#become(error ? "error" : "stopped", "page", error);
    }
  }

  #release() {
    this.#live?.abort();
    this.invites = false;
    if (this.stream) halt(this.stream);
    this.stream = undefined;
  }

  #watch() {
    if (this.#watching) return;
    this.#watching = true;
    navigator.mediaDevices.addEventListener(
      "devicechange",
      async () => {
        const found = await devices.list();
        if (JSON.stringify(found) === JSON.stringify(this.devices)) return;
        this.devices = found;
        this.#report();
      },
      { signal: this.#lifetime.signal },
    );
  }

  /**
   * It is live while something comes: a page that is hidden draws nothing, and systems pause devices and windows.
   * @param {MediaStream} stream
   * @param {Source} source
   * @param {AbortSignal} signal
   */
  #watchMedia(stream, source, signal) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const look = () => {
      clearTimeout(timer);
      if (signal.aborted) return;
      const paused = stream.getTracks().every(({ muted }) => muted);
      if (source === element && document.hidden) this.#wait(HIDDEN);
      else if (!paused) this.#become("live", this.#by);
      else
        this.#wait(
          `the ${nameOf(this.wish)} is on and gives nothing: the browser or the system has paused it`,
        );
    };
    const lookLater = () => {
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE);
    };
    for (const track of stream.getTracks()) {
      track.addEventListener("mute", lookLater, { signal });
      track.addEventListener("unmute", () => this.state === "starting" && look(), { signal });
    }
    if (source === element) document.addEventListener("visibilitychange", look, { signal });
    if (source === element && document.hidden) this.#wait(HIDDEN);
    else this.#become("live", this.#by);
    if (stream.getTracks().some(({ muted }) => muted)) lookLater();
  }

  /** @param {string} note */
  #wait(note) {
    this.state = "starting";
    this.note = note;
    this.#report();
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
    this.note = "";
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
      ...(this.note && { why: this.note }),
      ...(this.stream && { settings }),
      ...(this.devices.length > 0 && { devices: this.devices }),
      ...(this.stream && { device: (settings.video ?? settings.audio)?.deviceId ?? "" }),
    });
    this.#onchange();
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
