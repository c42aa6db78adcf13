/**
 * One RTCPeerConnection with the kernel, of which this page is the only offerer (the kernel's end knows no
 * rollback). It lives for one epoch: when it fails, the connector makes another.
 * @import { Envelope, Heartbeat, KernelMessage, Kind, PageMessage } from "../types.js"
 */
import { preferQuality } from "./quality.js";
import { inStereo } from "./stereo.js";

/** Milliseconds from the kernel's answer to a connection. */
const CONNECT_WITHIN = 5000;
/** What the kernel's report and errors say then. */
const NO_WAY =
  "no direct path (UDP) from the page to the kernel: let both be on the same network with no firewall between, " +
  "or set a TURN server with jupyter_rtc.configure(ice_servers=[...])";
const NO_RELAY =
  "no way through a TURN server from the page to the kernel, and no other way is allowed " +
  "(ice_transport_policy): see jupyter_rtc.doctor()";

const SLOW =
  "the page and the kernel reach each other, and the connection is not made yet: this computer, or the kernel's, is busy";
/** How often more time is given where the network is not to blame, and how late a timer is on a busy computer. */
const MOST_PATIENCE = 5;
const LATE = 1000;

/** @typedef {Extract<KernelMessage, {type: "plan"}>} Plan */
/** @typedef {Partial<Record<Kind, MediaStreamTrack | null>>} CapturedTracks */
/**
 * @typedef {object} TransportEvents
 * @property {(message: PageMessage) => void} post
 * @property {() => void} onchange A remote track began or paused.
 * @property {() => void} onclosing Its tracks are about to go black.
 * @property {(channel: RTCDataChannel) => void} onopen
 * @property {(envelope: Envelope) => void} onenvelope
 * @property {() => void} onping
 * @property {(reason: string, reached: boolean) => void} onfail Called once at most; nothing follows it. `reached`:
 *   the network is not to blame.
 * @property {() => boolean} busy Whether the kernel does not answer by any way at present.
 * @property {(error: unknown) => void} onerror
 */

export class WebRtcTransport {
  #lifetime = new AbortController();
  /** @type {TransportEvents} */
  #events;
  /** @type {RTCPeerConnection} */
  #pc;
  /** @type {RTCDataChannel} */
  #channel;
  /** @type {Plan} */
  #plan;
  /** @type {Map<string, RTCRtpTransceiver>} */
  #slots = new Map();
  /** @type {Map<Kind, RTCRtpTransceiver>} */
  #senders = new Map();
  /** @type {CapturedTracks} */
  #captured = {};
  #offering = false;
  #again = false;
  /** Why a STUN or TURN server was of no help to this page, by its address. @type {Map<string, string>} */
  #refusals = new Map();
  /** What was counted when it failed. @type {Promise<RTCStatsReport> | undefined} */
  #last;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #deadline;

  /**
   * @param {number} epoch
   * @param {Plan} plan
   * @param {CapturedTracks} captured
   * @param {TransportEvents} events
   */
  constructor(epoch, plan, captured, events) {
    this.epoch = epoch;
    this.#plan = plan;
    this.#captured = captured;
    this.#events = events;
    this.#pc = new RTCPeerConnection(configuration(plan));
    this.#channel = this.#pc.createDataChannel("control");
    this.#listen();
    this.#offer();
  }

  get connected() {
    return this.#channel.readyState === "open";
  }

  /**
   * The receiving track of a slot. Muted until its first packet has come.
   * @param {string} slot
   */
  track(slot) {
    const transceiver = this.#slots.get(slot);
    return transceiver?.direction === "inactive" ? undefined : transceiver?.receiver.track;
  }

  /** @param {Plan} plan */
  update(plan) {
    if (JSON.stringify(configuration(plan)) !== JSON.stringify(configuration(this.#plan))) {
      this.#pc.setConfiguration(configuration(plan));
    }
    this.#plan = plan;
    if (this.#offering) this.#again = true;
    else if (this.#shape()) this.#offer();
    this.#events.onchange();
  }

  /** @param {CapturedTracks} captured */
  capture(captured) {
    this.#captured = captured;
    for (const kind of this.#senders.keys()) this.#send(kind);
  }

  /** @param {Extract<KernelMessage, {type: "description"}>} message */
  async answer({ epoch, description }) {
    if (epoch !== this.epoch || this.#pc.signalingState !== "have-local-offer") return;
    try {
      await this.#pc.setRemoteDescription(description);
    } catch (error) {
      return this.#fail(`the kernel's answer was not understood: ${error}`);
    }
    if (this.#lifetime.signal.aborted) return;
    this.#offering = false;
    if (!this.connected) {
      clearTimeout(this.#deadline);
      this.#expire(MOST_PATIENCE);
    }
    if (this.#again) {
      this.#again = false;
      if (this.#shape()) this.#offer();
    }
  }

  /** Whether the kernel has taken the first offer. */
  get answered() {
    return Boolean(this.#pc.remoteDescription);
  }

  /** Whether the network lets both reach each other, and only the rest is waited for. */
  get reached() {
    return ["connected", "completed"].includes(this.#pc.iceConnectionState);
  }

  /**
   * Fail after `CONNECT_WITHIN`; later, where it is known that something else than the network takes the time.
   * @param {number} patience
   */
  #expire(patience) {
    const due = Date.now() + CONNECT_WITHIN;
    this.#deadline = setTimeout(() => {
      const busy = this.reached || Date.now() - due > LATE || this.#events.busy();
      if (busy && patience > 0) this.#expire(patience - 1);
      else this.#fail(this.reached ? SLOW : this.#noWay());
    }, CONNECT_WITHIN);
  }

  /** What the browser counts. */
  stats() {
    return this.#last ?? this.#pc.getStats();
  }

  close() {
    this.#events.onclosing();
    this.#lifetime.abort();
    clearTimeout(this.#deadline);
    this.#pc.close();
  }

  #listen() {
    const { signal } = this.#lifetime;
    const { post, onenvelope, onopen, onping } = this.#events;
    const pc = this.#pc;
    const channel = this.#channel;
    pc.addEventListener(
      "icecandidate",
      ({ candidate }) => {
        // An empty candidate ends one generation only; null ends them all.
        if (candidate?.candidate === "") return;
        post({ type: "candidate", epoch: this.epoch, candidate: candidate?.toJSON() ?? null });
      },
      { signal },
    );
    pc.addEventListener(
      "icecandidateerror",
      ({ url, errorCode, errorText }) => {
        const words =
          errorCode >= 700
            ? "it did not answer"
            : `it refused (${errorCode} ${errorText.replace(/\.$/, "")})`;
        if (url) this.#refusals.set(url, words);
      },
      { signal },
    );
    let wasReached = false;
    pc.addEventListener(
      "iceconnectionstatechange",
      () => {
        wasReached ||= this.reached;
        this.#events.onchange();
      },
      { signal },
    );
    pc.addEventListener(
      "connectionstatechange",
      () => {
        if (pc.connectionState !== "failed") return;
        if (this.connected) this.#fail("the connection failed");
        else this.#fail(wasReached ? SLOW : this.#noWay(), wasReached);
      },
      { signal },
    );
    channel.addEventListener(
      "open",
      () => {
        clearTimeout(this.#deadline);
        onopen(channel);
      },
      { signal },
    );
    channel.addEventListener("close", () => this.#fail("the control channel was closed"), { signal });
    channel.addEventListener(
      "message",
      ({ data }) => {
        /** @type {Heartbeat | Envelope} */
        const message = JSON.parse(data);
        if (!("type" in message)) return onenvelope(message);
        if (message.type !== "ping") return;
        channel.send(JSON.stringify({ type: "pong", time: message.time }));
        onping();
      },
      { signal },
    );
  }

  /** Bring the transceivers in line with the plan. Returns whether that needs an offer. */
  #shape() {
    let changed = false;
    const turn = (
      /** @type {RTCRtpTransceiver} */ transceiver,
      /** @type {RTCRtpTransceiverDirection} */ to,
    ) => {
      if (transceiver.direction === to) return;
      transceiver.direction = to;
      changed = true;
    };
    for (const { slot, kind } of this.#plan.tracks) {
      const known = this.#slots.get(slot);
      if (known?.receiver.track.kind === kind) {
        turn(known, "recvonly");
        continue;
      }
      if (known) turn(known, "inactive");
      this.#slots.set(slot, this.#receive(kind));
      changed = true;
    }
    const wanted = new Set(this.#plan.tracks.map(({ slot }) => slot));
    for (const [slot, transceiver] of this.#slots) if (!wanted.has(slot)) turn(transceiver, "inactive");

    const kinds = kindsOf(this.#plan.capture);
    for (const kind of kinds) {
      const known = this.#senders.get(kind);
      if (known) {
        turn(known, "sendonly");
        continue;
      }
      this.#senders.set(kind, this.#pc.addTransceiver(kind, { direction: "sendonly" }));
      this.#send(kind);
      changed = true;
    }
    for (const [kind, transceiver] of this.#senders) if (!kinds.includes(kind)) turn(transceiver, "inactive");
    return changed;
  }

  /** @param {Kind} kind */
  #receive(kind) {
    const { signal } = this.#lifetime;
    const transceiver = this.#pc.addTransceiver(kind, { direction: "recvonly" });
    for (const event of ["mute", "unmute", "ended"]) {
      transceiver.receiver.track.addEventListener(event, () => this.#events.onchange(), { signal });
    }
    return transceiver;
  }

  /** @param {Kind} kind */
  async #send(kind) {
    const sender = this.#senders.get(kind)?.sender;
    const track = this.#captured[kind] ?? null;
    if (!sender || sender.track === track) return;
    try {
      await sender.replaceTrack(track);
      if (track?.kind === "video") await preferQuality(sender, track);
    } catch (error) {
      // What closing interrupts is no error.
      if (!this.#lifetime.signal.aborted) this.#events.onerror(error);
    }
  }

  async #offer() {
    this.#offering = true;
    try {
      this.#shape();
      const { sdp = "" } = await this.#pc.createOffer();
      const stereo = inStereo(sdp);
      await this.#pc.setLocalDescription(stereo === sdp ? undefined : { type: "offer", sdp: stereo });
    } catch (error) {
      return this.#fail(`no offer could be made: ${error}`);
    }
    const description = this.#pc.localDescription;
    if (this.#lifetime.signal.aborted || !description) return;
    this.#events.post({
      type: "description",
      epoch: this.epoch,
      description: { type: "offer", sdp: description.sdp },
      slots: mids(this.#slots),
      capture: /** @type {Record<string, Kind>} */ (mids(this.#senders)),
    });
  }

  #noWay() {
    const refusals = [...this.#refusals].map(([url, words]) => `; ${url}: ${words}`);
    return (this.#plan.iceTransportPolicy === "relay" ? NO_RELAY : NO_WAY) + refusals.slice(0, 3).join("");
  }

  /** @param {string} reason */
  #fail(reason, reached = this.reached) {
    if (this.#lifetime.signal.aborted) return;
    this.#last = this.#pc.getStats();
    this.close();
    this.#events.onfail(reason, reached);
  }
}

/**
 * @param {Plan} plan
 * @returns {RTCConfiguration}
 */
function configuration({ iceServers, iceTransportPolicy }) {
  return { iceServers, iceTransportPolicy };
}

/**
 * @param {Plan["capture"]} wish
 * @returns {Kind[]}
 */
function kindsOf(wish) {
  const kinds = /** @type {Kind[]} */ (["audio", "video"]);
  return kinds.filter((kind) => wish?.[kind]);
}

/**
 * Names by mid, of the transceivers that are in use.
 * @param {Map<string, RTCRtpTransceiver>} transceivers
 * @returns {Record<string, string>}
 */
function mids(transceivers) {
  const entries = [...transceivers].filter(
    ([, { mid, direction }]) => mid !== null && direction !== "inactive",
  );
  return Object.fromEntries(entries.map(([name, { mid }]) => [mid, name]));
}
