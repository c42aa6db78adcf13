import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Session } from "../src/session.js";
import { FakeDevices, FakeKernel, FakeModel, FakePeerConnection, plan } from "./fakes.js";

let model;
let session;
let devices;
const latest = () => FakePeerConnection.made.at(-1);
/** Lets what was promised happen, and no time pass. */
const settle = () => vi.advanceTimersByTimeAsync(0);
const pass = (milliseconds) => vi.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => {
  vi.useFakeTimers();
  FakePeerConnection.made = [];
  devices = new FakeDevices();
  vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
  vi.stubGlobal("navigator", { mediaDevices: devices });
  model = new FakeModel();
  session = new Session(model);
});
afterEach(() => {
  session.close();
  vi.useRealTimers();
});

function show() {
  return session.attach(document.createElement("div"));
}

/** Up to an open control channel. */
async function connected(wanted = plan()) {
  const hide = show();
  await settle();
  const kernel = new FakeKernel(model);
  kernel.say(wanted);
  await settle();
  kernel.say({ type: "description", epoch: 1, description: { type: "answer", sdp: "answer" } });
  await settle();
  latest().connect();
  await settle();
  return { hide, kernel, pc: latest(), channel: latest().channel };
}

describe("an output", () => {
  let area;
  let el;
  const byes = () => model.sent.flatMap(({ messages }) => messages).filter(({ type }) => type === "bye");
  beforeEach(() => {
    area = document.createElement("div");
    area.className = "jp-OutputArea";
    el = document.createElement("div");
    area.append(el);
    document.body.append(area);
  });
  afterEach(() => area.remove());

  test("that is cleared is told to be", async () => {
    const hide = session.attach(el);
    await settle();
    el.remove();
    hide();
    await pass(2000);
    expect(byes()).toMatchObject([{ cleared: true }]);
  });

  test("of a notebook that is closed is not", async () => {
    const hide = session.attach(el);
    await settle();
    area.remove();
    hide();
    await pass(2000);
    expect(byes()).toMatchObject([{ cleared: false }]);
  });

  test("that another has taken is told, also where the front end does not say so", async () => {
    session.attach(el);
    await settle();
    el.remove();
    await pass(4000);
    expect(byes()).toMatchObject([{ cleared: true }]);
    // Back in the page, it begins anew.
    area.append(el);
    await pass(2000);
    expect(model.types.filter((type) => type === "hello").length).toBeGreaterThan(1);
  });

  test("that is collapsed or scrolled away stays", async () => {
    session.attach(el);
    await settle();
    area.remove();
    await pass(10000);
    expect(byes()).toEqual([]);
  });
});

describe("asking over the comm", () => {
  test("nothing is said before a view is shown", async () => {
    await pass(60000);
    expect(model.sent).toEqual([]);
    expect(session.state.link).toBe("waiting");
  });

  test("the first view says hello, a second one does not", async () => {
    show();
    show();
    await settle();
    expect(model.types).toEqual(["hello"]);
    expect(model.sent[0]).toMatchObject({ v: 1, ack: 0, client: expect.stringMatching(/^[0-9a-f]{24}$/) });
  });

  test("an unanswered question is repeated after 0.25, 0.5, 1, 2, 4 and 4 seconds", async () => {
    const times = [];
    const start = Date.now();
    model.send = () => times.push(Date.now() - start);
    show();
    await pass(12000);
    expect(times).toEqual([0, 250, 750, 1750, 3750, 7750, 11750]);
  });

  test("while nothing is connected it asks on, 250 ms after an answer, and more rarely while answers are empty", async () => {
    show();
    await settle();
    const kernel = new FakeKernel(model);
    await pass(100);
    for (const pause of [250, 500, 1000, 2000, 4000, 4000]) {
      kernel.say();
      const before = model.sent.length;
      await pass(pause - 1);
      expect(model.sent.length).toBe(before);
      await pass(1);
      expect(model.sent.length).toBe(before + 1);
      expect(model.sent.at(-1).messages).toEqual([]);
    }
    kernel.say({ type: "notice", key: "k", level: "info", text: "news", detail: "" });
    await settle();
    const before = model.sent.length;
    await pass(250);
    expect(model.sent.length).toBe(before + 1);
  });

  test("a busy kernel's queue is not filled by candidates", async () => {
    show();
    await settle();
    const kernel = new FakeKernel(model);
    kernel.say(plan());
    await settle();
    const before = model.sent.length;
    for (let i = 0; i < 20; i += 1) {
      const event = new Event("icecandidate");
      event.candidate = { candidate: `candidate:${i}`, toJSON: () => ({ candidate: `candidate:${i}` }) };
      latest().dispatchEvent(event);
    }
    await pass(200);
    expect(model.sent.length).toBe(before);
    await pass(50);
    expect(model.sent.length).toBe(before + 1);
    expect(model.types.slice(-20)).toEqual(Array(20).fill("candidate"));
  });

  test("a message is acknowledged at once", async () => {
    show();
    await settle();
    new FakeKernel(model).say({ type: "notice", key: "a", level: "info", text: "hello", detail: "" });
    await settle();
    expect(model.sent.at(-1)).toMatchObject({ ack: 1, messages: [] });
  });

  test("what is meant for another page is left alone", async () => {
    show();
    await settle();
    model.emit("msg:custom", { v: 1, to: "somebody", ack: 1, messages: [{ ...plan(), n: 1 }] });
    model.emit("msg:custom", "something else");
    await settle();
    expect(FakePeerConnection.made).toEqual([]);
  });

  test("a silent kernel is called busy after 1.5 s, and absent if it never spoke", async () => {
    show();
    await pass(1499);
    expect(session.state.link).toBe("waiting");
    await pass(1);
    expect(session.state.link).toBe("busy");
    await pass(9000);
    expect(session.state.link).toBe("none");
  });

  test("a page without a comm says so at once", async () => {
    model.comm = undefined;
    show();
    expect(session.state.link).toBe("none");
  });

  test("a comm that throws is asked again", async () => {
    model.broken = true;
    show();
    await pass(300);
    model.broken = false;
    await pass(500);
    expect(model.types).toContain("hello");
  });

  test("an unknown message is answered", async () => {
    show();
    await settle();
    new FakeKernel(model).say({ type: "dance" });
    await settle();
    expect(model.sent.at(-1).messages).toMatchObject([
      { type: "error", message: expect.stringContaining("dance") },
    ]);
  });
});

describe("the connection", () => {
  const tracks = [{ slot: "a", kind: "video", label: "A" }];

  test("offers what the plan wants", async () => {
    show();
    await settle();
    new FakeKernel(model).say(plan({ tracks, capture: { video: true } }));
    await settle();
    expect(model.sent.at(-1).messages.at(-1)).toMatchObject({
      type: "description",
      epoch: 1,
      description: { type: "offer" },
      slots: { 0: "a" },
      capture: { 1: "video" },
    });
    expect(latest().transceivers.map(({ direction }) => direction)).toEqual(["recvonly", "sendonly"]);
    expect(session.state.link).toBe("connecting");
  });

  test("once it is open, everything goes over the channel and nobody polls", async () => {
    const { channel } = await connected();
    const before = model.sent.length;
    for (let second = 0; second < 30; second += 1) {
      await pass(1000);
      channel.receive({ type: "ping", time: second });
    }
    expect(model.sent.length).toBe(before);
    expect(channel.sent.filter(({ type }) => type === "pong").map(({ time }) => time)).toHaveLength(30);
    expect(session.state.link).toBe("connected");
  });

  test("a plan that changes while an offer is out leads to another offer after the answer", async () => {
    show();
    await settle();
    const kernel = new FakeKernel(model);
    kernel.say(plan());
    await settle();
    kernel.say(plan({ tracks }));
    await pass(300);
    expect(model.types.filter((type) => type === "description")).toEqual(
      expect.arrayContaining(["description"]),
    );
    expect(latest().transceivers).toHaveLength(0);
    kernel.say({ type: "description", epoch: 1, description: { type: "answer", sdp: "" } });
    await settle();
    expect(latest().transceivers).toHaveLength(1);
    expect(model.sent.at(-1).messages.at(-1)).toMatchObject({ type: "description", slots: { 0: "a" } });
  });

  test("a slot that goes and comes again keeps its transceiver", async () => {
    const { channel, pc } = await connected(plan({ tracks }));
    const tell = (n, message) => channel.receive({ v: 1, to: "", ack: 99, messages: [{ ...message, n }] });
    const answer = { type: "description", epoch: 1, description: { type: "answer", sdp: "" } };
    tell(3, plan());
    await settle();
    expect(pc.transceivers.map(({ direction }) => direction)).toEqual(["inactive"]);
    expect(session.state.tracks.size).toBe(0);
    tell(4, answer);
    tell(5, plan({ tracks }));
    await settle();
    expect(pc.transceivers.map(({ direction }) => direction)).toEqual(["recvonly"]);
    expect(session.state.tracks.get("a").label).toBe("A");
  });

  test("an answer of another epoch is ignored", async () => {
    show();
    await settle();
    const kernel = new FakeKernel(model);
    kernel.say(plan());
    await settle();
    kernel.say({ type: "description", epoch: 7, description: { type: "answer", sdp: "" } });
    await settle();
    expect(latest().remoteDescription).toBeUndefined();
  });

  test("none in 5 s after the answer: failed, blocked, and another try with the next epoch", async () => {
    show();
    await settle();
    const kernel = new FakeKernel(model);
    kernel.say(plan());
    await settle();
    kernel.say({ type: "description", epoch: 1, description: { type: "answer", sdp: "" } });
    await settle();
    for (let i = 0; i < 20; i += 1) {
      await pass(250);
      kernel.say();
    }
    expect(session.state.link).toBe("blocked");
    expect(latest().closed).toBe(true);
    expect(model.types).toContain("failed");
    kernel.say();
    await pass(2000);
    kernel.say();
    await settle();
    expect(FakePeerConnection.made).toHaveLength(2);
    expect(model.sent.at(-1).messages.at(-1)).toMatchObject({ type: "description", epoch: 2 });
    expect(session.state.link).toBe("blocked");
    latest().connect();
    expect(session.state.link).toBe("connected");
  });

  describe("that takes long for another reason than the network", () => {
    async function answered() {
      show();
      await settle();
      const kernel = new FakeKernel(model);
      kernel.say(plan());
      await settle();
      kernel.say({ type: "description", epoch: 1, description: { type: "answer", sdp: "" } });
      await settle();
      return kernel;
    }
    async function wait(kernel, seconds) {
      for (let i = 0; i < 4 * seconds; i += 1) {
        await pass(250);
        kernel.say();
      }
    }
    const reach = (state = "connected") => {
      latest().iceConnectionState = state;
      latest().dispatchEvent(new Event("iceconnectionstatechange"));
    };

    test("a kernel that is reached is not said to have no path to it", async () => {
      const kernel = await answered();
      reach();
      await wait(kernel, 12);
      expect([session.state.link, session.state.delay]).toEqual(["connecting", "computer"]);
      expect([latest().closed, model.types.includes("failed")]).toEqual([false, false]);
      await wait(kernel, 20);
      const [failed] = model.sent.flatMap(({ messages }) => messages).filter(({ type }) => type === "failed");
      expect(failed.reason).toMatch(/reach each other, .* is busy/);
      expect(session.state.link).toBe("connecting");
    });

    test("a kernel that answers by no way is busy, and no network is blamed", async () => {
      await answered();
      await pass(12000);
      expect([session.state.link, model.types.includes("failed")]).toEqual(["busy", false]);
    });

    test("a page that was held up itself gives more time", async () => {
      const kernel = await answered();
      vi.setSystemTime(Date.now() + 8000);
      await wait(kernel, 6);
      expect([session.state.link, model.types.includes("failed")]).toEqual(["connecting", false]);
      await wait(kernel, 5);
      expect(session.state.link).toBe("blocked");
    });

    test("a later attempt that reaches it takes the blame back", async () => {
      const kernel = await answered();
      await wait(kernel, 8);
      expect(session.state.link).toBe("blocked");
      expect(FakePeerConnection.made).toHaveLength(2);
      reach("completed");
      expect(session.state.link).toBe("connecting");
    });
  });

  test("with relays alone, the page keeps to them and says which server was of no help", async () => {
    const turn = { urls: ["turn:turn.example:3478"], username: "u", credential: "secret" };
    show();
    await settle();
    const kernel = new FakeKernel(model);
    kernel.say(plan({ iceServers: [turn], iceTransportPolicy: "relay" }));
    await settle();
    expect(latest().configuration).toEqual({ iceServers: [turn], iceTransportPolicy: "relay" });
    const refused = {
      url: "turn:turn.example:3478?transport=udp",
      errorCode: 401,
      errorText: "Unauthorized",
    };
    latest().dispatchEvent(Object.assign(new Event("icecandidateerror"), refused));
    kernel.say({ type: "description", epoch: 1, description: { type: "answer", sdp: "" } });
    await settle();
    for (let i = 0; i < 20; i += 1) {
      await pass(250);
      kernel.say();
    }
    expect(session.state.link).toBe("unrelayed");
    const [{ reason }] = model.sent.flatMap(({ messages }) =>
      messages.filter(({ type }) => type === "failed"),
    );
    expect(reason).toContain("no way through a TURN server");
    expect(reason).toContain("; turn:turn.example:3478?transport=udp: it refused (401 Unauthorized)");
    expect(reason).not.toContain("secret");
  });

  test("a lost one is made anew, and the comm is asked meanwhile", async () => {
    const { kernel, pc } = await connected();
    const before = model.sent.length;
    pc.fail();
    await settle();
    expect(model.sent.length).toBe(before + 1);
    kernel.say();
    await pass(500);
    expect(FakePeerConnection.made).toHaveLength(2);
  });
});

describe("the end", () => {
  test("a view that moves ends nothing", async () => {
    const { hide, pc } = await connected();
    hide();
    await pass(1400);
    show();
    await pass(1000);
    expect(pc.closed).toBe(false);
  });

  test("1.5 s after the last view: bye by both ways, camera off, connection closed", async () => {
    const { hide, pc, channel } = await connected(plan({ capture: { video: true } }));
    session.startCapture();
    devices.asked[0].give();
    await settle();
    expect(devices.live).toBe(1);
    hide();
    await pass(1500);
    expect(devices.live).toBe(0);
    expect(pc.closed).toBe(true);
    expect(model.types.at(-1)).toBe("bye");
    expect(channel.sent.at(-1).messages.at(-1).type).toBe("bye");
    const before = model.sent.length;
    await pass(60000);
    expect(model.sent.length).toBe(before);
  });

  test("a view that comes later is a new client", async () => {
    const { hide } = await connected();
    const first = model.client;
    hide();
    await pass(1500);
    show();
    await settle();
    expect(model.client).not.toBe(first);
    expect(model.sent.at(-1).messages).toMatchObject([{ type: "hello", n: 1 }]);
  });

  test("5 s without a heartbeat: kernel gone, camera off, and hello again, rarely", async () => {
    const { pc } = await connected(plan({ capture: { video: true } }));
    session.startCapture();
    devices.asked[0].give();
    await pass(4900);
    expect(devices.live).toBe(1);
    await pass(100);
    expect(devices.live).toBe(0);
    expect(pc.closed).toBe(true);
    expect(session.state.link).toBe("gone");
    const before = model.sent.length;
    await pass(3900);
    expect(model.sent.length).toBe(before);
    await pass(100);
    expect(model.sent.length).toBe(before + 1);
    new FakeKernel(model).say(plan({ capture: { video: true } }));
    await settle();
    expect(session.state.link).toBe("connecting");
    expect(devices.asked).toHaveLength(1);
  });

  /** A camera that is on, for a kernel that then says nothing more. */
  async function capturing() {
    const { kernel, pc } = await connected(plan({ capture: { video: true } }));
    session.startCapture();
    devices.asked[0].give();
    await settle();
    return { kernel, pc, before: model.client };
  }
  const forget = (client) =>
    model.emit("msg:custom", { v: 1, to: client, ack: 0, messages: [], unknown: true });
  const start = { type: "capture", command: "start", wish: { video: { width: 640 } } };

  test("a page that was let go says hello under a new name, and goes on with its camera if it may", async () => {
    const { pc, before } = await capturing();
    forget(before);
    await settle();
    expect(pc.closed).toBe(true);
    expect(model.client).not.toBe(before);
    expect(model.sent.at(-1).messages[0]).toMatchObject({ type: "hello", resumes: before });
    expect(devices.live).toBe(1);
    // In whichever order they come.
    new FakeKernel(model).say(plan({ capture: { video: true }, owns: true }), start);
    await settle();
    expect(devices.asked).toHaveLength(1);
    expect(devices.live).toBe(1);
    expect(session.capture.state).toBe("live");
    expect(latest().transceivers.map(({ direction }) => direction)).toEqual(["sendonly"]);
  });

  test("a camera that was turned off in the kernel meanwhile goes off", async () => {
    const { before } = await capturing();
    forget(before);
    await settle();
    new FakeKernel(model).say(plan({ capture: { video: true } }));
    await settle();
    expect(devices.live).toBe(0);
  });

  test("a kernel that was lost for a moment turns the camera on again, and not after a minute", async () => {
    const { before } = await capturing();
    await pass(20000);
    expect(devices.live).toBe(0);
    expect(model.sent.at(-1).messages[0]).toMatchObject({ type: "hello", resumes: before });
    new FakeKernel(model).say(start, plan({ capture: { video: true }, owns: true }));
    await settle();
    expect(devices.asked).toHaveLength(2);
    devices.asked[1].give();
    await pass(60000);
    session.stopCapture();
    await pass(80000);
    expect(model.sent.at(-1).messages[0].resumes).toBe(undefined);
  });

  test("a kernel that comes back after more than a minute is not asked to go on", async () => {
    await capturing();
    await pass(80000);
    expect(model.sent.at(-1).messages[0]).toMatchObject({ type: "hello" });
    expect(model.sent.at(-1).messages[0].resumes).toBe(undefined);
    expect(session.state.link).toBe("gone");
  });

  test("a computer that has slept does not take the kernel for dead at once", async () => {
    await capturing();
    vi.setSystemTime(Date.now() + 3600000);
    await pass(5000);
    expect(session.state.link).toBe("connected");
    expect(devices.live).toBe(1);
    await pass(5000);
    expect(session.state.link).toBe("gone");
    expect(devices.live).toBe(0);
  });

  test("a comm that dies is a kernel that is gone", async () => {
    const { pc } = await connected();
    model.comm_live = false;
    model.emit("comm_live_update");
    await settle();
    expect(session.state.link).toBe("gone");
    expect(pc.closed).toBe(true);
    model.comm_live = true;
    model.emit("comm_live_update");
    await settle();
    expect(model.types.at(-1)).toBe("hello");
    expect(session.state.link).toBe("waiting");
  });

  test("a closed session listens to nothing", () => {
    expect(model.listeners()).toBe(2);
    session.close();
    expect(model.listeners()).toBe(0);
  });
});

describe("the camera", () => {
  test("no plan turns it on", async () => {
    await connected(plan({ capture: { video: true, audio: true } }));
    await pass(1000);
    expect(devices.asked).toEqual([]);
  });

  test("the kernel's command does, and needs no negotiation", async () => {
    const { channel, pc } = await connected(plan({ capture: { video: true } }));
    channel.receive({
      v: 1,
      ack: 99,
      messages: [{ type: "capture", command: "start", wish: { video: true }, n: 3 }],
    });
    const stream = devices.asked[0].give();
    await settle();
    expect(pc.transceivers[0].sender.track).toBe(stream.tracks[0]);
    const said = channel.sent.flatMap(({ messages = [] }) => messages);
    expect(said.filter(({ type }) => type === "description")).toEqual([]);
    expect(said.at(-1)).toMatchObject({ type: "capture", state: "live", by: "kernel", device: "one" });
    expect(pc.transceivers[0].sender.parameters).toMatchObject({
      encodings: [{ maxBitrate: 2_500_000 }],
      degradationPreference: "maintain-resolution",
    });
  });

  test("a click says so before the browser is asked", async () => {
    const { channel } = await connected(plan({ capture: { video: true } }));
    session.startCapture();
    await settle();
    expect(channel.sent.at(-1).messages.at(-1)).toMatchObject({
      type: "capture",
      state: "starting",
      by: "page",
    });
  });

  test("a click where another page has it waits for the kernel's leave", async () => {
    const { channel } = await connected(plan());
    session.startCapture();
    await settle();
    expect(devices.asked).toEqual([]);
    expect(channel.sent.at(-1).messages.at(-1)).toMatchObject({
      type: "capture",
      state: "starting",
      by: "page",
    });
    channel.receive({ v: 1, ack: 99, messages: [{ ...plan({ capture: { video: true } }), n: 3 }] });
    await settle();
    expect(devices.asked).toHaveLength(1);
  });

  test("goes off when the plan gives it to another page", async () => {
    const { channel } = await connected(plan({ capture: { video: true } }));
    session.startCapture();
    devices.asked[0].give();
    await settle();
    channel.receive({ v: 1, ack: 99, messages: [{ ...plan(), n: 3 }] });
    await settle();
    expect(devices.live).toBe(0);
  });
});
