import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Capture } from "../src/capture/capture.js";
import { FakeContext, FakeDevices, FakeStream, FakeTrack } from "./fakes.js";

let devices;
let capture;
let said;
const settle = () => new Promise((resolve) => setTimeout(resolve));
const states = () => said.map(({ state, by }) => `${state} by ${by}`);

beforeEach(() => {
  localStorage.clear();
  devices = new FakeDevices();
  vi.stubGlobal("navigator", { mediaDevices: devices });
  said = [];
  capture = new Capture(
    (message) => said.push(message),
    () => {},
  );
});

describe("start and stop", () => {
  test("tell the kernel", async () => {
    capture.start({ video: { width: 640 } }, "page");
    devices.asked[0].give();
    await settle();
    capture.stop("kernel");
    expect(states()).toEqual(["starting by page", "live by page", "stopped by kernel"]);
    expect(said[1]).toMatchObject({
      device: "one",
      devices: [{ deviceId: "one", kind: "video", label: "First camera" }],
      settings: { video: { deviceId: "one" } },
    });
    expect(devices.live).toBe(0);
  });

  test("a stream that comes after stop is stopped at once", async () => {
    capture.start({ video: true }, "kernel");
    capture.stop("kernel");
    devices.asked[0].give();
    await settle();
    expect(devices.given).toHaveLength(1);
    expect(devices.live).toBe(0);
    expect(capture.state).toBe("stopped");
  });

  test("of two starts the later one stays, in whichever order the browser answers", async () => {
    capture.start({ video: { width: 640 } }, "kernel");
    capture.start({ video: { width: 1280 } }, "kernel");
    const later = devices.asked[1].give();
    await settle();
    devices.asked[0].give();
    await settle();
    expect(capture.stream).toBe(later);
    expect(devices.live).toBe(1);
  });

  test("a refusal that comes after stop is no error", async () => {
    capture.start({ video: true }, "kernel");
    capture.stop("kernel");
    devices.asked[0].refuse("NotAllowedError");
    await settle();
    expect(capture.state).toBe("stopped");
  });

  test("start, stop, start leaves one camera on", async () => {
    capture.start({ video: true }, "kernel");
    capture.stop("kernel");
    capture.start({ video: true }, "kernel");
    devices.asked[0].give();
    devices.asked[1].give();
    await settle();
    expect(devices.live).toBe(1);
    expect(capture.state).toBe("live");
  });

  test("the kernel's start on top of a click asks the browser once", async () => {
    capture.start({ video: true }, "page");
    capture.start({ video: true }, "kernel");
    devices.asked[0].give();
    await settle();
    expect(devices.asked).toHaveLength(1);
    expect(capture.state).toBe("live");
  });

  test("a page that closes while the browser asks keeps no camera", async () => {
    capture.start({ video: true }, "kernel");
    capture.close();
    devices.asked[0].give();
    await settle();
    expect(devices.live).toBe(0);
  });
});

describe("a device that is paused by the system", () => {
  const mute = (track, muted) => {
    track.muted = muted;
    track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
  };

  test("is not called live, and is again when it goes on", async () => {
    capture.start({ video: true }, "kernel");
    const [track] = devices.asked[0].give().tracks;
    await settle();
    vi.useFakeTimers();
    mute(track, true);
    expect(capture.state).toBe("live");
    await vi.advanceTimersByTimeAsync(2000);
    expect(said.at(-1)).toMatchObject({
      state: "starting",
      why: "the camera is on and gives nothing: the browser or the system has paused it",
    });
    mute(track, false);
    expect([said.at(-1).state, capture.note]).toEqual(["live", ""]);
    mute(track, true);
    mute(track, false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(capture.state).toBe("live");
    vi.useRealTimers();
  });

  test("counts as live while its sound comes", async () => {
    capture.start({ video: true, audio: true }, "kernel");
    const [video] = devices.asked[0].give().tracks;
    await settle();
    vi.useFakeTimers();
    mute(video, true);
    await vi.advanceTimersByTimeAsync(2000);
    expect(capture.state).toBe("live");
    vi.useRealTimers();
  });
});

describe("what goes wrong", () => {
  for (const [name, words] of [
    ["NotAllowedError", /allow the camera in the page's address bar, then press Start/],
    ["NotFoundError", /no camera was found/],
    ["NotReadableError", /used by another program/],
    ["OverconstrainedError", /no camera can do what was asked for/],
  ]) {
    test(`${name} keeps its name and says what to do`, async () => {
      capture.start({ video: true }, "kernel");
      devices.asked[0].refuse(name);
      await settle();
      expect(said.at(-1)).toMatchObject({ state: "error", error: { name } });
      expect(said.at(-1).error.message).toMatch(words);
    });
  }

  test("an insecure page is told of https, localhost and ssh", async () => {
    vi.stubGlobal("navigator", {});
    await capture.start({ video: true }, "kernel");
    expect(said.at(-1).error.name).toBe("SecurityError");
    expect(said.at(-1).error.message).toMatch(/https.*localhost.*ssh -L/);
  });

  test("an iframe that forbids it is named", async () => {
    vi.stubGlobal("document", { featurePolicy: { allowsFeature: (name) => name !== "camera" } });
    await capture.start({ video: true }, "kernel");
    expect(said.at(-1).error).toMatchObject({
      name: "SecurityError",
      message: expect.stringContaining("iframe"),
    });
    expect(devices.asked).toEqual([]);
  });

  for (const address of ["vscode-webview://1a2b/index.html", "https://1a2b.vscode-cdn.net/index.html"]) {
    test(`at ${address} there is none, and it is said where there is`, async () => {
      vi.stubGlobal("location", new URL(address));
      await capture.start({ video: true }, "kernel");
      expect(said.at(-1).error).toMatchObject({
        name: "SecurityError",
        message: expect.stringMatching(/VS Code.*JupyterLab in a browser/),
      });
      expect(devices.asked).toEqual([]);
      vi.unstubAllGlobals();
    });
  }

  test("an unplugged camera is an error, and the microphone goes off with it", async () => {
    capture.start({ video: true, audio: true }, "kernel");
    const stream = devices.asked[0].give();
    await settle();
    devices.devices = [{ deviceId: "ear", kind: "audioinput", label: "Microphone" }];
    stream.tracks[0].unplug();
    await settle();
    expect(said.at(-1)).toMatchObject({ state: "error", error: { name: "NotReadableError" } });
    expect(said.at(-1).error.message).toMatch(/camera was disconnected/);
    expect(devices.live).toBe(0);
  });
});

describe("devices", () => {
  test("choosing one opens it and no other", async () => {
    devices.devices.push({ deviceId: "two", kind: "videoinput", label: "Second camera" });
    capture.start({ video: { width: 640, facingMode: "user" } }, "kernel");
    devices.asked[0].give();
    await settle();
    capture.switch("two");
    expect(devices.asked[1].constraints).toEqual({ video: { width: 640, deviceId: { exact: "two" } } });
    devices.asked[1].give();
    await settle();
    expect(devices.live).toBe(1);
  });

  test("one that is unplugged is replaced by another", async () => {
    devices.devices.push({ deviceId: "two", kind: "videoinput", label: "Second camera" });
    capture.start({ video: { width: 640, deviceId: { exact: "one" } } }, "kernel");
    const first = devices.asked[0].give();
    await settle();
    devices.devices.shift();
    first.tracks[0].unplug();
    await settle();
    expect(devices.asked[1].constraints).toEqual({ video: { width: 640 } });
    const second = devices.asked[1].give();
    second.tracks[0].settings.deviceId = "two";
    await settle();
    expect(states().slice(-2)).toEqual(["starting by kernel", "live by kernel"]);
    expect(devices.live).toBe(1);
  });

  test("one that fails while it is there is an error", async () => {
    capture.start({ video: true }, "kernel");
    const stream = devices.asked[0].give();
    await settle();
    stream.tracks[0].unplug();
    await settle();
    expect(devices.asked).toHaveLength(1);
    expect(said.at(-1)).toMatchObject({ state: "error" });
  });

  test("in place of one that is not there any more another is opened", async () => {
    capture.start({ video: { width: 640, deviceId: { exact: "gone" } } }, "kernel");
    devices.asked[0].refuse("OverconstrainedError");
    await settle();
    expect(devices.asked[1].constraints).toEqual({ video: { width: 640 } });
    devices.asked[1].give();
    await settle();
    expect(capture.state).toBe("live");
    // One that is there, and cannot do what was asked, is an error.
    capture.start({ video: { width: 99999, deviceId: { exact: "one" } } }, "kernel");
    devices.asked[2].refuse("OverconstrainedError");
    await settle();
    expect(devices.asked).toHaveLength(3);
    expect(capture.state).toBe("error");
  });

  test("a person's choice is remembered, and gives way to what a program asks for", async () => {
    devices.devices.push({ deviceId: "two", kind: "videoinput", label: "Second camera" });
    capture.start({ video: { width: 640 } }, "kernel");
    devices.asked[0].give();
    await settle();
    capture.switch("two");
    devices.asked[1].give();
    await settle();
    const later = new Capture(
      () => {},
      () => {},
    );
    later.start({ video: { width: 320 }, audio: true }, "kernel");
    expect(devices.asked[2].constraints).toEqual({
      video: { width: 320, deviceId: { exact: "two" } },
      audio: true,
    });
    // Where it cannot be opened, what was asked for can.
    devices.asked[2].refuse("NotReadableError");
    await settle();
    expect(devices.asked[3].constraints).toEqual({ video: { width: 320 }, audio: true });
    later.start({ video: { facingMode: "environment" } }, "kernel");
    expect(devices.asked[4].constraints).toEqual({ video: { facingMode: "environment" } });
    later.start({ video: { deviceId: { exact: "one" } } }, "kernel");
    expect(devices.asked[5].constraints).toEqual({ video: { deviceId: { exact: "one" } } });
    later.close();
  });

  test("a new one is told of", async () => {
    capture.start({ video: true }, "kernel");
    devices.asked[0].give();
    await settle();
    const before = said.length;
    devices.dispatchEvent(new Event("devicechange"));
    await settle();
    expect(said.length).toBe(before);
    devices.devices = [...devices.devices, { deviceId: "two", kind: "audioinput", label: "Microphone" }];
    devices.dispatchEvent(new Event("devicechange"));
    await settle();
    expect(said.at(-1)).toMatchObject({ state: "live", devices: [{}, { kind: "audio" }] });
  });

  test("a muted microphone stays muted when it is started again", async () => {
    capture.start({ audio: true }, "kernel");
    devices.asked[0].give();
    await settle();
    capture.muteMicrophone(true);
    expect(capture.tracks.audio.enabled).toBe(false);
    capture.stop("page");
    capture.start({ audio: true }, "page");
    devices.asked[1].give();
    await settle();
    expect(capture.tracks.audio.enabled).toBe(false);
  });
});

describe("a screen", () => {
  const wish = { video: true, audio: false, source: "screen" };

  beforeEach(() => {
    vi.stubGlobal("isSecureContext", true);
    devices.getDisplayMedia = devices.getUserMedia;
  });

  test("asks the browser after a click only", async () => {
    capture.start(wish, "kernel");
    await settle();
    expect([devices.asked.length, capture.state, capture.invites]).toEqual([0, "starting", true]);
    capture.start(wish, "page");
    expect(devices.asked).toHaveLength(1);
    devices.asked[0].give();
    await settle();
    expect([capture.state, capture.invites]).toEqual(["live", false]);
    expect(states().at(-1)).toBe("live by page");
  });

  test("stopped by the browser's own button is stopped, and no error", async () => {
    capture.start(wish, "page");
    const stream = devices.asked[0].give();
    await settle();
    stream.tracks[0].unplug();
    expect(said.at(-1)).toMatchObject({ state: "stopped", by: "page" });
    expect(said.at(-1).error).toBeUndefined();
  });

  test("is not asked for where the page may not", async () => {
    vi.stubGlobal("document", { featurePolicy: { allowsFeature: (name) => name !== "display-capture" } });
    await capture.start(wish, "page");
    expect(said.at(-1).error.message).toMatch(/iframe needs allow="display-capture"/);
    vi.stubGlobal("isSecureContext", false);
    await capture.start(wish, "page");
    expect(said.at(-1).error.message).toMatch(/ssh -L/);
    expect(devices.asked).toEqual([]);
    vi.unstubAllGlobals();
  });

  test("that is not chosen says how to try again", async () => {
    capture.start(wish, "page");
    devices.asked[0].refuse("NotAllowedError");
    await settle();
    expect(said.at(-1).error.message).toMatch(/press Share the screen/);
  });
});

describe("another widget", () => {
  const wish = { video: true, source: "element", model: "m", fps: 10 };
  const manager = (el) => ({ get_model: async () => ({ views: { one: Promise.resolve({ el }) } }) });
  const captured = () => {
    const capture = new Capture(
      (message) => said.push(message),
      () => {},
      manager(box),
    );
    return capture.start(wish, "kernel").then(() => capture);
  };
  let box;
  let made;

  beforeEach(() => {
    box = document.createElement("div");
    document.body.append(box);
    made = [];
    Object.defineProperty(HTMLMediaElement.prototype, "srcObject", { writable: true, configurable: true });
    Object.defineProperty(HTMLMediaElement.prototype, "play", { value: async () => {}, configurable: true });
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function () {
      return new FakeContext(this);
    });
    HTMLCanvasElement.prototype.captureStream = function (fps) {
      const stream = Object.assign(new FakeStream([new FakeTrack("video")]), { fps, canvas: this });
      made.push(stream);
      return stream;
    };
    HTMLVideoElement.prototype.requestVideoFrameCallback = function (callback) {
      this.draw = callback;
    };
  });
  afterEach(() => {
    box.remove();
    delete HTMLCanvasElement.prototype.captureStream;
    delete HTMLVideoElement.prototype.requestVideoFrameCallback;
  });

  /** What is on it is told by `pixel`; nobody but its owner may ask for a context. */
  function add(tag, width, height, pixel = 0) {
    const element = Object.assign(document.createElement(tag), { width, height, pixel });
    element.getBoundingClientRect = () => ({ width, height });
    element.getContext = () => {
      throw new Error("a foreign canvas was asked for a context");
    };
    box.append(element);
    return element;
  }
  /** What was copied last onto the canvas that is captured. */
  const copied = (capture) => capture.stream.canvas.drawn;

  test("is captured by its largest canvas", async () => {
    add("canvas", 20, 20, 1);
    const large = add("canvas", 200, 100, 1);
    add("canvas", 200, 100, 1);
    const capture = await captured();
    expect([capture.state, copied(capture), capture.stream.fps]).toEqual(["live", large, 10]);
    capture.close();
  });

  test("whose view is itself the canvas is captured", async () => {
    box = add("canvas", 200, 100, 1);
    document.body.append(box);
    const capture = await captured();
    expect([capture.state, copied(capture)]).toEqual(["live", box]);
    capture.close();
  });

  test("is not captured by a canvas that cannot be seen", async () => {
    const hidden = add("canvas", 400, 300, 1);
    hidden.checkVisibility = () => false;
    add("canvas", 210, 110); // an overlay, in which nothing is
    const seen = add("canvas", 200, 100, 1);
    const capture = await captured();
    expect(copied(capture)).toBe(seen);
    capture.close();
  });

  test("is left alone until its owner has drawn, and then followed", async () => {
    const canvas = add("canvas", 200, 100);
    const capturing = captured();
    await settle();
    await settle();
    expect([made.length, states()]).toEqual([0, ["starting by kernel"]]);
    canvas.pixel = 1;
    const capture = await capturing;
    expect([capture.state, made[0].canvas]).toEqual(["live", canvas]);
    capture.close();
    expect(made.every(({ tracks }) => tracks.every(({ readyState }) => readyState === "ended"))).toBe(true);
  });

  test("that draws nothing is said to, and is not called live", async () => {
    vi.useFakeTimers();
    add("canvas", 200, 100);
    const capturing = captured();
    await vi.advanceTimersByTimeAsync(3000);
    expect(said.at(-1)).toMatchObject({
      state: "starting",
      why: expect.stringMatching(/until the widget draws/),
    });
    box.innerHTML += '<svg id="drawing"></svg>';
    document.getElementById("drawing").getBoundingClientRect = () => ({ width: 200, height: 100 });
    add("canvas", 200, 100);
    await vi.advanceTimersByTimeAsync(3000);
    expect(said.at(-1)).toMatchObject({ state: "starting", why: expect.stringMatching(/draws by SVG/) });
    add("canvas", 200, 100, 1);
    await vi.advanceTimersByTimeAsync(500);
    const capture = await capturing;
    vi.useRealTimers();
    expect([capture.state, capture.note]).toEqual(["live", ""]);
    capture.close();
  });

  test("in a page that is hidden is not called live", async () => {
    add("canvas", 200, 100, 1);
    const capture = await captured();
    const hide = (hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    };
    hide(true);
    expect(said.at(-1)).toMatchObject({ state: "starting", why: expect.stringMatching(/is hidden/) });
    hide(false);
    expect([said.at(-1).state, said.at(-1).why]).toEqual(["live", undefined]);
    capture.close();
    hide(true);
    hide(false);
    expect(capture.state).toBe("stopped");
  });

  test("whose picture ends is looked for again", async () => {
    add("canvas", 200, 100, 1);
    const capture = await captured();
    box.replaceChildren();
    const second = add("canvas", 200, 100, 1);
    capture.stream.tracks[0].unplug();
    await settle();
    await settle();
    expect([capture.state, copied(capture)]).toEqual(["live", second]);
    expect(states()).toEqual([
      "starting by kernel",
      "live by kernel",
      "starting by kernel",
      "live by kernel",
    ]);
    capture.close();
  });

  test("is asked for no longer than it is wanted", async () => {
    vi.useFakeTimers();
    const capture = new Capture(
      (message) => said.push(message),
      () => {},
      manager(box),
    );
    capture.start(wish, "kernel");
    capture.stop("kernel");
    await vi.advanceTimersByTimeAsync(6000);
    vi.useRealTimers();
    expect(states()).toEqual(["starting by kernel", "stopped by kernel"]);
  });

  test("without a picture says so, and a front end that hides it, too", async () => {
    vi.useFakeTimers();
    const capturing = captured();
    await vi.advanceTimersByTimeAsync(6000);
    await capturing;
    vi.useRealTimers();
    expect(said.at(-1).error).toMatchObject({
      name: "NotFoundError",
      message: expect.stringMatching(/no canvas, and no video that plays/),
    });
    await capture.start(wish, "kernel");
    expect(said.at(-1).error.message).toMatch(/does not tell where other widgets are/);
  });
});
