import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { wordsOf } from "../src/capture/words.js";
import widget from "../src/index.js";
import { describeCamera, describeConnection, describePlayer } from "../src/view/sentence.js";
import { FakeDevices, FakeKernel, FakeModel, FakePeerConnection, FakeStream, plan } from "./fakes.js";

describe("the player's sentence", () => {
  const view = { link: "connected", planned: true, playing: false, what: "picture" };
  for (const [change, tone, text] of [
    [{ link: "waiting" }, "waiting", /^Connecting to the kernel$/],
    [{ link: "busy" }, "waiting", /^Waiting for the kernel: a cell is running$/],
    [
      { link: "waiting", delay: "kernel" },
      "waiting",
      /it has not answered yet, because a cell keeps it busy/,
    ],
    [{ link: "connecting", delay: "network" }, "waiting", /no way \(UDP\) to it was found yet/],
    [
      { link: "connecting", delay: "computer" },
      "waiting",
      /it is reached, and this computer or the kernel's is busy/,
    ],
    [{ link: "blocked" }, "error", /^No direct path \(UDP\) to the kernel: .*TURN/],
    [{ link: "unrelayed" }, "error", /^No way to the kernel through a TURN server/],
    [{ link: "gone" }, "error", /^Kernel gone/],
    [{ link: "none" }, "off", /running one/],
    [{}, "waiting", /^Waiting for the first picture$/],
    [{ what: "sound" }, "waiting", /^Waiting for sound$/],
    [{ planned: false }, "off", /^Nothing to play$/],
    [{ planned: false, playing: true }, "off", /^Nothing to play$/],
    [{ playing: true }, "live", /^Live$/],
    [{ playing: true, link: "connecting" }, "waiting", /^Connecting again$/],
    [{ source: "muted", why: "the camera is off" }, "off", /^Waiting: the camera is off$/],
    [{ playing: true, source: "muted", why: "the camera is off" }, "off", /^Paused: the camera is off$/],
    [{ playing: true, source: "ended" }, "off", /^Ended$/],
    [{ playing: true, troubled: true }, "warning", /^Live, with an error$/],
    [{ playing: true, source: "muted", link: "busy" }, "waiting", /^Waiting for the kernel/],
  ]) {
    test(`${JSON.stringify(change)}: ${tone}`, () => {
      const sentence = describePlayer({ ...view, ...change });
      expect(sentence.tone).toBe(tone);
      expect(sentence.text).toMatch(text);
    });
  }
});

describe("the camera's sentence", () => {
  const view = {
    link: "connected",
    state: "idle",
    words: wordsOf({ video: true }),
    asking: false,
    elsewhere: false,
  };
  const refused = { name: "NotAllowedError", message: "no permission: allow it" };
  for (const [change, tone, text] of [
    [{}, "off", "Camera off"],
    [{ state: "stopped", words: wordsOf({ audio: true }) }, "off", "Microphone off"],
    [{ words: wordsOf({ video: true, source: "screen" }) }, "off", "Screen not shared"],
    [{ state: "starting" }, "waiting", "Asking for the camera…"],
    [{ asking: true }, "waiting", "Asking for the camera…"],
    [
      { state: "starting", words: wordsOf({ video: true, source: "element" }) },
      "waiting",
      "Looking for the widget…",
    ],
    [
      {
        state: "starting",
        note: "waiting until it draws",
        words: wordsOf({ video: true, source: "element" }),
      },
      "waiting",
      "Waiting until it draws",
    ],
    [
      { state: "starting", invites: true, words: wordsOf({ video: true, source: "screen" }) },
      "waiting",
      "Press “Share the screen”, and choose what is to be seen",
    ],
    [{ state: "live" }, "live", "Live"],
    [{ state: "live", link: "connecting" }, "waiting", "Camera on, connecting to the kernel"],
    [{ state: "live", link: "gone" }, "error", "Kernel gone, or started anew: run the cell again"],
    [{ state: "error", error: refused }, "warning", "No permission: allow it"],
    [{ elsewhere: true, playing: true }, "live", "Live from another page's camera"],
    [
      { elsewhere: true, playing: true, source: "muted", why: "its page is hidden" },
      "waiting",
      "Waiting for another page's camera: its page is hidden",
    ],
    [{ elsewhere: true, playing: false }, "waiting", "Waiting for another page's camera"],
    [{ link: "connecting" }, "waiting", "Connecting to the kernel"],
  ]) {
    test(`${JSON.stringify(change)}: ${text}`, () => {
      expect(describeCamera({ ...view, ...change })).toEqual({ tone, text });
    });
  }
});

test("a connection's sentence follows its state", () => {
  expect(describeConnection({ link: "connected", connectionState: "connected" }).tone).toBe("live");
  expect(describeConnection({ link: "connected", connectionState: "failed" }).tone).toBe("error");
  expect(describeConnection({ link: "connected", connectionState: "failed", left: true })).toEqual({
    tone: "off",
    text: "The other side has closed the connection",
  });
  expect(describeConnection({ link: "blocked", connectionState: "connected" }).tone).toBe("error");
});

describe("a mounted view", () => {
  let cleanups;
  beforeEach(() => {
    cleanups = [];
    FakePeerConnection.made = [];
    vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
    vi.stubGlobal("MediaStream", FakeStream);
    Object.defineProperty(HTMLMediaElement.prototype, "srcObject", { writable: true, configurable: true });
    Object.defineProperty(HTMLMediaElement.prototype, "play", { value: async () => {}, configurable: true });
    // Nobody has touched the page yet.
    Object.defineProperty(navigator, "userActivation", {
      value: { hasBeenActive: false },
      configurable: true,
    });
    Object.defineProperty(navigator, "mediaDevices", { value: new FakeDevices(), configurable: true });
  });
  afterEach(() => {
    for (const cleanup of cleanups) cleanup();
  });

  async function mount(traits) {
    const model = new FakeModel(traits);
    const el = document.createElement("div");
    document.body.append(el);
    const { initialize, render } = widget();
    // As anywidget 0.9 calls them: without signals.
    cleanups.push(initialize({ model }));
    const hide = render({ model, el });
    cleanups.unshift(hide);
    await settle();
    return { model, el, hide, kernel: new FakeKernel(model) };
  }
  const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

  for (const view of ["video", "camera", "audio", "connection"]) {
    test(`${view}: has a name, a state that is read out, and goes without a trace`, async () => {
      const { el, hide, model } = await mount({ view, label: "A <b>name</b>" });
      const group = el.querySelector('[role="group"]');
      expect(group.getAttribute("aria-label")).toBe("A <b>name</b>");
      expect(group.querySelector('[role="status"][aria-live="polite"]').textContent).not.toBe("");
      for (const button of el.querySelectorAll("button:not([hidden])")) {
        expect(button.type).toBe("button");
        expect(button.getAttribute("aria-label") || button.textContent).not.toBe("");
      }
      hide();
      expect(el.children).toHaveLength(0);
      expect(model.listeners()).toBe(2);
    });
  }

  test("notices are text, replaced by their key and removed when empty", async () => {
    const { el, kernel } = await mount({ _player: "video" });
    const notice = (text) => ({ type: "notice", key: "k", level: "error", text, detail: "Traceback <i>" });
    kernel.say(notice("<img src=x>"));
    await settle();
    expect(el.querySelector("img")).toBeNull();
    expect(el.querySelector(".jrtc-notice-text").textContent).toBe("<img src=x>");
    expect(el.querySelector("details pre").textContent).toBe("Traceback <i>");
    kernel.say(notice("other"));
    await settle();
    expect(el.querySelectorAll(".jrtc-notice")).toHaveLength(1);
    kernel.say(notice(""));
    await settle();
    expect(el.querySelectorAll(".jrtc-notice")).toHaveLength(0);
  });

  test("the statistics are off, and one click away", async () => {
    const { el, model } = await mount({ _player: "video" });
    const panel = el.querySelector(".jrtc-stats");
    expect(panel.hidden).toBe(true);
    el.querySelector('[aria-label="Show the statistics"]').click();
    await settle();
    expect([model.get("show_stats"), panel.hidden, model.saved]).toEqual([true, false, 1]);
    expect(panel.querySelectorAll(".jrtc-what")).toHaveLength(4);
    el.querySelector('[aria-label="Hide the statistics"]').click();
    await settle();
    expect(panel.hidden).toBe(true);
  });

  test("what takes long says why, and its report can be copied", async () => {
    vi.useFakeTimers();
    try {
      const mounting = mount({ _player: "video" });
      await vi.advanceTimersByTimeAsync(100);
      const { el, kernel, model } = await mounting;
      const copy = el.querySelector(".jrtc-copy");
      const line = () => el.querySelector(".jrtc-sentence").textContent;
      kernel.say(plan({ tracks: [{ slot: "s", kind: "video", label: "" }] }));
      await vi.advanceTimersByTimeAsync(100);
      expect([copy.hidden, line()]).toEqual([true, "Connecting to the kernel"]);
      await vi.advanceTimersByTimeAsync(6000);
      expect(copy.hidden).toBe(false);
      expect(line()).toBe("Waiting for the kernel: a cell is running");
      kernel.say({ type: "void" });
      await vi.advanceTimersByTimeAsync(10);
      expect(line()).toMatch(/takes long: it has not answered/);
      const copied = [];
      vi.stubGlobal("navigator", {
        userAgent: "test",
        clipboard: { writeText: async (text) => copied.push(text) },
      });
      copy.click();
      await vi.advanceTimersByTimeAsync(10);
      expect(model.types).toContain("report");
      kernel.say({ type: "report", text: "Not connected. It is night." });
      await vi.advanceTimersByTimeAsync(100);
      expect(copied[0]).toMatch(/takes long[\s\S]*the kernel says:\nNot connected. It is night./);
      expect(copy.textContent).toBe("Copied");
    } finally {
      vi.useRealTimers();
    }
  });

  test("what is disabled can be seen and not be used", async () => {
    const { el, model } = await mount({ _player: "camera" });
    const controls = () => [...el.querySelectorAll("button, select")].map(({ disabled }) => disabled);
    expect(new Set(controls())).toEqual(new Set([false]));
    model.set("disabled", true);
    expect(new Set(controls())).toEqual(new Set([true]));
  });

  test("the mute button writes the trait", async () => {
    const { el, kernel, model } = await mount({ _player: "video" });
    kernel.say(plan({ tracks: [{ slot: "s", kind: "audio", label: "" }] }));
    await settle();
    el.querySelector('[aria-label="Sound on"]').click();
    expect(model.get("muted")).toBe(false);
    expect(model.saved).toBe(1);
    expect(el.querySelector("video").muted).toBe(false);
  });

  test("refused sound falls back to silence and a button", async () => {
    const { el, kernel, model } = await mount({ _player: "video" });
    let tries = 0;
    Object.defineProperty(HTMLMediaElement.prototype, "play", {
      configurable: true,
      value: async function play() {
        tries += 1;
        if (!this.muted) throw new DOMException("no gesture", "NotAllowedError");
      },
    });
    kernel.say(plan({ tracks: [{ slot: "s", kind: "audio", label: "" }] }));
    await settle();
    const [{ receiver }] = FakePeerConnection.made.at(-1).transceivers;
    receiver.track.muted = false;
    receiver.track.dispatchEvent(new Event("unmute"));
    await settle();
    model.set("muted", false);
    await settle();
    expect(el.querySelector("video").muted).toBe(true);
    expect(el.querySelector(".jrtc-hear").hidden).toBe(false);
    const before = tries;
    kernel.say({ type: "notice", key: "k", level: "info", text: "any change", detail: "" });
    await settle();
    expect(tries).toBe(before);
  });

  test("the camera's own sound is never played", async () => {
    const { el, kernel, model } = await mount({ _player: "camera", muted: false });
    kernel.say(plan({ capture: { video: true, audio: true } }));
    await settle();
    el.querySelector('[aria-label^="Start"]').click();
    navigator.mediaDevices.asked[0].give();
    await settle();
    const video = el.querySelector("video");
    expect(video.srcObject.getTracks().map(({ kind }) => kind)).toEqual(["video"]);
    expect(video.muted).toBe(true);
    model.set("muted", true);
    model.set("muted", false);
    expect(video.muted).toBe(true);
  });
});
