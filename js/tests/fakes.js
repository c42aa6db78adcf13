/** Stand-ins for what the page gets from its host and its browser. */

/** anywidget's model, with its comm's sent envelopes in `sent`. */
export class FakeModel {
  sent = [];
  broken = false;
  #listeners = new Map();
  #traits;

  constructor(traits = {}) {
    this.#traits = {
      _player: "video",
      controls: true,
      muted: true,
      label: "",
      width: 0,
      height: 0,
      ...traits,
    };
  }
  get(name) {
    return this.#traits[name];
  }
  set(name, value) {
    this.#traits[name] = value;
    this.emit(`change:${name}`);
  }
  saved = 0;
  save_changes() {
    this.saved += 1;
  }
  on(name, listener) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }
  off(name, listener) {
    this.#listeners.set(name, this.#listeners.get(name)?.filter((other) => other !== listener) ?? []);
  }
  listeners() {
    return [...this.#listeners.values()].flat().length;
  }
  emit(name, ...rest) {
    for (const listener of this.#listeners.get(name) ?? []) listener(...rest);
  }
  send(content, callbacks) {
    if (callbacks !== undefined) throw new Error("the second argument is for callbacks");
    if (this.broken) throw new Error("the comm is closed");
    this.sent.push(structuredClone(content));
  }
  get client() {
    return this.sent.at(-1).client;
  }
  get types() {
    return this.sent.flatMap(({ messages }) => messages.map(({ type }) => type));
  }
}

/** The kernel's side of one page: numbers what it says. */
export class FakeKernel {
  #number = 0;
  #received = 0;
  constructor(model) {
    this.model = model;
    this.client = model.client;
  }
  say(...messages) {
    for (const envelope of this.model.sent) {
      if (envelope.client !== this.client) continue;
      for (const { n } of envelope.messages) this.#received = Math.max(this.#received, n);
    }
    const numbered = messages.map((message) => {
      this.#number += 1;
      return { ...message, n: this.#number };
    });
    this.model.emit("msg:custom", { v: 1, to: this.client, ack: this.#received, messages: numbered });
  }
}

export function plan(more = {}) {
  return {
    type: "plan",
    iceServers: [],
    iceTransportPolicy: "all",
    tracks: [],
    tiles: [],
    capture: null,
    owns: false,
    ...more,
  };
}

export class FakeTrack extends EventTarget {
  readyState = "live";
  enabled = true;
  muted = false;
  constructor(kind, settings = {}) {
    super();
    this.kind = kind;
    this.settings = settings;
  }
  getSettings() {
    return this.settings;
  }
  stop() {
    this.readyState = "ended";
  }
  /** As when it is unplugged. */
  unplug() {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
}

export class FakeStream {
  constructor(tracks = []) {
    this.tracks = [...tracks];
  }
  getTracks() {
    return [...this.tracks];
  }
  getVideoTracks() {
    return this.tracks.filter(({ kind }) => kind === "video");
  }
  getAudioTracks() {
    return this.tracks.filter(({ kind }) => kind === "audio");
  }
  addTrack(track) {
    if (!this.tracks.includes(track)) this.tracks.push(track);
  }
  removeTrack(track) {
    this.tracks = this.tracks.filter((other) => other !== track);
  }
}

/** navigator.mediaDevices; each getUserMedia waits in `asked` until the test answers. */
export class FakeDevices extends EventTarget {
  asked = [];
  given = [];
  devices = [{ deviceId: "one", kind: "videoinput", label: "First camera" }];
  getUserMedia(constraints) {
    return new Promise((resolve, reject) => {
      this.asked.push({
        constraints,
        give: () => {
          const kinds = ["video", "audio"].filter((kind) => constraints[kind]);
          const stream = new FakeStream(kinds.map((kind) => new FakeTrack(kind, { deviceId: "one" })));
          this.given.push(stream);
          resolve(stream);
          return stream;
        },
        refuse: (name, message = "") => reject(new DOMException(message, name)),
      });
    });
  }
  async enumerateDevices() {
    return this.devices;
  }
  get live() {
    return this.given.flatMap((stream) => stream.tracks).filter(({ readyState }) => readyState === "live")
      .length;
  }
}

/** Connects when the test says so. */
export class FakePeerConnection extends EventTarget {
  static made = [];
  signalingState = "stable";
  connectionState = "new";
  localDescription = null;
  transceivers = [];
  closed = false;
  constructor(configuration) {
    super();
    this.configuration = configuration;
    FakePeerConnection.made.push(this);
  }
  createDataChannel(label) {
    this.channel = new FakeChannel(label);
    return this.channel;
  }
  addTransceiver(kind, { direction }) {
    const sender = {
      track: null,
      replaceTrack: async (track) => {
        sender.track = track;
      },
      getParameters: () => ({ encodings: [{}] }),
      setParameters: async (parameters) => {
        sender.parameters = parameters;
      },
    };
    const receiver = { track: Object.assign(new FakeTrack(kind), { muted: true }) };
    const transceiver = { mid: null, direction, sender, receiver };
    this.transceivers.push(transceiver);
    return transceiver;
  }
  async createOffer() {
    return { type: "offer", sdp: `offer of ${this.transceivers.length}` };
  }
  async setLocalDescription(description) {
    this.transceivers.forEach((transceiver, index) => {
      transceiver.mid = String(index);
    });
    this.localDescription = description ?? (await this.createOffer());
    this.signalingState = "have-local-offer";
  }
  async setRemoteDescription(description) {
    this.remoteDescription = description;
    this.signalingState = "stable";
  }
  async getStats() {
    return new Map();
  }
  connect() {
    this.connectionState = "connected";
    this.channel.readyState = "open";
    this.channel.dispatchEvent(new Event("open"));
  }
  fail() {
    this.connectionState = "failed";
    this.dispatchEvent(new Event("connectionstatechange"));
  }
  close() {
    this.closed = true;
    this.signalingState = "closed";
    this.channel.readyState = "closed";
  }
}

class FakeChannel extends EventTarget {
  readyState = "connecting";
  sent = [];
  constructor(label) {
    super();
    this.label = label;
  }
  send(text) {
    if (this.readyState !== "open") throw new Error("not open");
    this.sent.push(JSON.parse(text));
  }
  receive(message) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
}

/** Of our own canvases: `canvas.drawn` is what was drawn last, and one pixel of it is read, its `pixel`. */
export class FakeContext {
  constructor(canvas) {
    this.canvas = canvas;
  }
  fillRect() {}
  drawImage(source) {
    this.canvas.drawn = source;
  }
  getImageData() {
    return { data: new Uint8Array(new Uint32Array([this.canvas.drawn?.pixel ?? 0]).buffer) };
  }
}
