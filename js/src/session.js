/**
 * What all views of one widget share: the talk with the kernel, the connection and the camera. It lives as
 * long as the model, but is awake only while a view is shown.
 * @import { AnyModel } from "@anywidget/types"
 * @import { WidgetManager } from "./capture/element.js"
 * @import { Plan } from "./transport/webrtc.js"
 * @import { CaptureWish, Envelope, KernelMessage, PlannedTrack, Tile, Traits } from "./types.js"
 */
import { Capture } from "./capture/capture.js";
import { Patience } from "./patience.js";
import { describe } from "./report.js";
import { Visit } from "./visit.js";

/** Milliseconds without a connection, after which a person is told the most likely reason. */
const LATE_AFTER = 5000;
/** How long a report waits for the kernel's part of it. */
const REPORT_WITHIN = 2000;
/** A view that is moved goes and comes again. */
const GRACE = 1500;
/** How often it is looked whether the views are still in the page, in milliseconds. */
const LOOK = 1000;
/** So long after the kernel was lost a capture goes on with it. Later it would take a person by surprise. */
const RESUME_WITHIN = 60000;

/** @typedef {AnyModel<Traits> & {comm?: unknown, comm_live?: boolean}} Model */
/** @typedef {"waiting" | "connecting" | "connected" | "busy" | "blocked" | "unrelayed" | "gone" | "none"} Link */
/** @typedef {"" | "kernel" | "network" | "computer"} Delay */
/** @typedef {PlannedTrack & {track: MediaStreamTrack, muted: boolean}} RemoteTrack */
/** @typedef {{key: string, level: "info" | "error", text: string, detail: string}} Notice */
/**
 * @typedef {object} State
 * @property {Link} link
 * @property {Delay} delay What it waits for, where it has waited for long.
 * @property {Map<string, RemoteTrack>} tracks By slot.
 * @property {Tile[]} tiles
 * @property {Notice[]} notices
 * @property {CaptureWish} wish What is captured, or was offered to this page last.
 */

/**
 * Dispatches "change" when what `state` gives, or the capture, is another, and "closing" just before the kernel's
 * tracks end, while their last pictures can still be had.
 */
export class Session extends EventTarget {
  /** @type {Model} */
  #model;
  #lifetime = new AbortController();
  /** @type {Set<HTMLElement>} */
  #views = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #grace;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #lookout;
  /** How often in a row the views were not where their output is. */
  #missed = 0;
  /** What a cell's output is in, in JupyterLab and Notebook. @type {Element | null | undefined} */
  #output;
  /** @type {Visit | undefined} */
  #visit;
  #gone = false;
  /** @type {Plan | undefined} */
  #plan;
  /** @type {CaptureWish} */
  #wish = {};
  /** @type {Map<string, Notice>} */
  #notices = new Map();
  /** A click that waits for the kernel to say what may be captured. */
  #clicked = false;
  /** Until the kernel has said whether what is captured goes on. */
  #resuming = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #tooLate;
  #patience = new Patience(LATE_AFTER, () => this.#changed());
  #changing = false;
  /** @type {(text: string) => void} */
  #onreport = () => {};

  /** @param {Model} model */
  constructor(model) {
    super();
    this.#model = model;
    this.capture = new Capture(
      (message) => this.#visit?.post(message),
      () => {
        this.#visit?.capture(this.capture.tracks);
        this.#changed();
      },
      /** @type {{widget_manager?: WidgetManager}} */ (model).widget_manager,
    );
    const onMessage = (/** @type {Envelope} */ content) => this.#visit?.receive(content);
    const onLive = () => this.#commChanged();
    model.on("msg:custom", onMessage);
    model.on("comm_live_update", onLive);
    this.#lifetime.signal.addEventListener("abort", () => {
      model.off("msg:custom", onMessage);
      model.off(/** @type {"msg:custom"} */ ("comm_live_update"), onLive);
    });
  }

  /** @returns {State} */
  get state() {
    /** @type {Map<string, RemoteTrack>} */
    const tracks = new Map();
    for (const planned of this.#plan?.tracks ?? []) {
      const track = this.#visit?.track(planned.slot);
      if (track) tracks.set(planned.slot, { ...planned, track, muted: track.muted });
    }
    return {
      link: this.#link,
      delay: this.#patience.late ? this.#delay : "",
      tracks,
      tiles: this.#plan?.tiles ?? [],
      notices: [...this.#notices.values()],
      wish: this.#wish,
    };
  }

  /** @returns {Delay} */
  get #delay() {
    if (!this.#visit?.answered) return "kernel";
    return this.#visit.reached ? "computer" : "network";
  }

  /**
   * A view is shown.
   * @param {HTMLElement} el
   * @returns {() => void} Call it when the view is gone.
   */
  attach(el) {
    clearTimeout(this.#grace);
    this.#views.add(el);
    this.#lookout ??= setInterval(() => this.#look(), LOOK);
    if (!this.#visit) this.#begin();
    return () => {
      if (!this.#views.delete(el) || this.#views.size > 0) return;
      this.#grace = setTimeout(() => this.#end(), GRACE);
    };
  }

  /**
   * JupyterLab takes the views of an output that is updated out of the page, and does not say so. What is collapsed or
   * scrolled away is out of the page together with its output.
   */
  #look() {
    if (this.#views.size === 0) {
      clearInterval(this.#lookout);
      this.#lookout = undefined;
    }
    const there = [...this.#views].some((el) => el.isConnected);
    this.#missed = there || !this.#output?.isConnected ? 0 : this.#missed + 1;
    if (there && !this.#visit) this.#begin();
    else if (this.#missed > 1) this.#end();
  }

  /** A person's click. */
  startCapture() {
    const wish = this.#plan?.capture;
    if (wish) {
      this.capture.start(wish, "page");
      return;
    }
    // Another page has the camera: ask for it, and begin when the plan comes.
    this.#clicked = true;
    this.#visit?.post({ type: "capture", state: "starting", by: "page" });
    this.#changed();
  }

  /** A person's click. */
  stopCapture() {
    this.#clicked = false;
    this.capture.stop("page");
  }

  /** What the browser counts of the connection. */
  async stats() {
    return this.#visit?.stats();
  }

  /**
   * @param {string} sentence What the view says.
   * @returns {Promise<string>} Why this page is or is not connected.
   */
  async report(sentence) {
    const kernel = this.#askKernel();
    const report = await this.stats();
    const entries = /** @type {import("./report.js").Entry[]} */ ([...(report?.values() ?? [])]);
    return describe({ sentence, link: this.#link, entries, kernel: await kernel });
  }

  /** @returns {Promise<string>} Empty if there is no answer in time. */
  #askKernel() {
    return new Promise((resolve) => {
      this.#onreport = resolve;
      this.#visit?.post({ type: "report" });
      setTimeout(() => resolve(""), REPORT_WITHIN);
    });
  }

  get asking() {
    return this.#clicked;
  }

  close() {
    clearTimeout(this.#grace);
    clearInterval(this.#lookout);
    this.#views.clear();
    this.#end();
    this.capture.close();
    this.#lifetime.abort();
  }

  /** @returns {Link} */
  get #link() {
    const visit = this.#visit;
    if (!visit) return "waiting";
    if (this.#gone) return "gone";
    if (this.#commDead) return visit.heard ? "gone" : "none";
    if (visit.connection === "connected") return "connected";
    if (visit.silence) return visit.silence === "busy" ? "busy" : "none";
    if (visit.connection === "blocked" && this.#plan?.iceTransportPolicy === "relay") return "unrelayed";
    return visit.connection === "idle" ? "waiting" : visit.connection;
  }

  /**
   * Whether the front end itself says so. anywidget's model hides `comm_live`, but ipywidgets marks the views, those
   * of a saved page without a kernel too.
   */
  get #commDead() {
    const { comm_live } = this.#model;
    if (comm_live !== undefined) return !comm_live;
    if ("comm" in this.#model) return this.#model.comm === undefined;
    return [...this.#views].some((el) => el.closest(".jupyter-widgets-disconnected"));
  }

  /**
   * @param {object} [after]
   * @param {boolean} [after.gone] The kernel is believed gone.
   * @param {string} [after.resumes] The name under which the page captures or captured, and would go on.
   */
  #begin({ gone = false, resumes = "" } = {}) {
    this.#gone = gone;
    this.#resuming = this.capture.on;
    this.#visit = new Visit({
      slow: gone || this.#commDead,
      comm: (envelope) => this.#model.send(envelope),
      deliver: (message) => this.#deliver(message),
      onchange: () => this.#changed(),
      onclosing: () => this.dispatchEvent(new Event("closing")),
      ongone: () => this.#lost(),
      onforgotten: () => this.#forgotten(),
      onerror: (error) => this.#fault(error),
    });
    this.#visit.post({
      type: "hello",
      secure: globalThis.isSecureContext,
      origin: globalThis.location?.origin ?? "",
      agent: navigator.userAgent ?? "",
      ...(resumes && { resumes }),
    });
    if (this.capture.on) this.#visit.capture(this.capture.tracks);
    this.#changed();
  }

  #end() {
    if (!this.#visit) return;
    this.capture.drop();
    // A notebook that is closed takes its cells along, and shows the widget again when it is opened.
    this.#visit.close({ type: "bye", cleared: this.#output?.isConnected ?? false });
    this.#forget();
  }

  /** The kernel is there, and has let this page go, most likely while it slept: go on under a new name. */
  #forgotten() {
    const resumes = this.capture.on ? this.#visit?.client : "";
    this.#visit?.close({ type: "bye" });
    this.#forget();
    this.#begin({ resumes });
  }

  /** The kernel is gone. Camera off, and look out for it. */
  #lost() {
    const resumes = this.capture.on ? this.#visit?.client : "";
    this.#gone = true;
    this.dispatchEvent(new Event("closing"));
    this.capture.drop();
    // A kernel that was only held up finds it when it goes on.
    this.#visit?.close({ type: "bye" });
    this.#forget();
    if (this.#views.size === 0) return;
    this.#begin({ gone: true, resumes });
    if (resumes) this.#tooLate = setTimeout(() => this.#beginAgain(true), RESUME_WITHIN);
  }

  /** @param {boolean} gone */
  #beginAgain(gone) {
    if (gone && !this.#gone) return;
    this.#visit?.abandon();
    this.#forget();
    this.#begin({ gone });
  }

  #forget() {
    clearTimeout(this.#tooLate);
    this.#visit = undefined;
    this.#patience.watch(false);
    this.#plan = undefined;
    this.#clicked = false;
    this.#notices.clear();
  }

  #commChanged() {
    // The mark on the views is set by a later listener of the same event.
    queueMicrotask(() => {
      if (!this.#visit) return;
      if (this.#commDead) {
        if (!this.#gone && this.#visit.heard) this.#lost();
      } else if (this.#gone || !this.#visit.heard) {
        this.#beginAgain(false);
      }
      this.#changed();
    });
  }

  /** @param {KernelMessage} message */
  #deliver(message) {
    this.#gone = false;
    switch (message.type) {
      case "plan":
        this.#plan = message;
        if (message.capture) this.#wish = message.capture;
        this.#visit?.plan(message);
        this.#follow(message);
        break;
      case "description":
        this.#visit?.answer(message);
        break;
      case "capture":
        if (message.command === "start") {
          this.#wish = message.wish;
          // What goes on stays as it is, the device that was chosen in this page, too.
          if (this.#resuming && this.capture.on) this.capture.report();
          else this.capture.start(message.wish, "kernel");
          this.#resuming = false;
        } else this.capture.stop("kernel");
        break;
      case "notice":
        this.#note(message);
        break;
      case "report":
        this.#onreport(message.text);
        break;
      case "void":
        break;
      case "error":
        this.#note({ key: "refused", level: "error", text: message.message, detail: "" });
        this.#visit?.refused(message.message);
        break;
      default: {
        const { type } = /** @type {{type: string}} */ (message);
        this.#visit?.post({ type: "error", message: `unknown message type ${JSON.stringify(type)}` });
      }
    }
    this.#changed();
  }

  /** @param {Plan} plan */
  #follow(plan) {
    if (this.#resuming && !plan.owns) {
      // It was turned off, or given to another page, while this one was away.
      this.#resuming = false;
      this.capture.drop();
    }
    if (plan.capture && this.#clicked) {
      this.#clicked = false;
      this.capture.start(plan.capture, "page");
    } else if (!plan.capture && this.capture.on) {
      // Another page has been given it.
      this.capture.stop("kernel");
    }
  }

  /** @param {Notice} notice */
  #note({ key, level, text, detail }) {
    if (text) this.#notices.set(key, { key, level, text, detail });
    else this.#notices.delete(key);
  }

  /** @param {unknown} error Something of ours failed. */
  #fault(error) {
    const text = error instanceof Error || error instanceof DOMException ? error.message : String(error);
    this.#note({ key: "page", level: "error", text, detail: "" });
    this.#visit?.post({ type: "error", message: text });
    this.#changed();
  }

  #changed() {
    this.#patience.watch(this.#visit !== undefined && this.#link !== "connected");
    if (this.#changing) return;
    this.#changing = true;
    queueMicrotask(() => {
      this.#changing = false;
      for (const el of this.#views) this.#output = el.closest(".jp-OutputArea") ?? this.#output;
      this.dispatchEvent(new Event("change"));
    });
  }
}
