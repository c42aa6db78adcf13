/**
 * What is captured (a camera, a microphone, a screen, a widget): this page's own picture, or the kernel's while
 * another page captures.
 * @import { CaptureWish } from "../types.js"
 * @import { ViewContext } from "./shell.js"
 */
import { kinds, wordsOf } from "../capture/words.js";
import { Button, DeviceChoice, fullscreenButton, statisticsButton } from "./controls.js";
import { create } from "./dom.js";
import { Meter } from "./meter.js";
import { Picture } from "./picture.js";
import { numbers, source } from "./player.js";
import { describeCamera } from "./sentence.js";
import { keepUpdated, Shell, saveMuted } from "./shell.js";
import { Statistics } from "./statistics.js";

/** Before the kernel has said what may be captured. @type {Partial<Record<string, CaptureWish>>} */
const EXPECTED = {
  microphone: { audio: true },
  screen: { video: true, source: "screen" },
  capture: { video: true, source: "element" },
};

/** @param {ViewContext} context */
export function mountCamera(context) {
  const { session, model, signal } = context;
  const { capture } = session;
  const picture = new Picture(() => update(), signal);
  const meter = new Meter(signal);
  const player = model.get("_player");
  picture.symbol(player === "screen" ? "screen" : player === "capture" ? "picture" : "camera");
  const shell = new Shell(context, player === "microphone" ? "Microphone" : "Camera", picture.element);
  const action = create("button", { type: "button", class: "jrtc-action", hidden: true });
  picture.element.append(action);
  action.addEventListener("click", () => session.startCapture(), { signal });

  const power = new Button(() => (capture.on ? session.stopCapture() : session.startCapture()), signal);
  const microphone = new Button(() => capture.muteMicrophone(!capture.microphoneMuted), signal);
  const sound = new Button(() => saveMuted(model, !model.get("muted")), signal);
  const choices = /** @type {const} */ (["video", "audio"]).map(
    (kind) => new DeviceChoice(kind, (deviceId) => capture.switch(deviceId), signal),
  );
  const full = fullscreenButton(picture.element, signal);
  shell.buttons.append(meter.element, ...choices.map(({ element }) => element));
  shell.buttons.append(microphone.element, sound.element, power.element);
  const statistics = new Statistics(session, signal);
  shell.bar.after(statistics.element);
  shell.buttons.append(statisticsButton(model, signal).element, full.element);

  function update() {
    const { link, delay, tracks, wish } = session.state;
    const remote = [...tracks.values()];
    const elsewhere = remote.length > 0 && !capture.on && !session.asking;
    const wanted = kinds(wish).length > 0 ? wish : (EXPECTED[player] ?? { video: true });
    const words = wordsOf(wanted);

    showPicture(elsewhere ? remote.map(({ track }) => track) : undefined);
    picture.element.classList.toggle("jrtc-mirror", model.get("mirror"));
    picture.element.hidden = !wanted.video;
    shell.element.classList.toggle("jrtc-compact", !wanted.video);
    meter.listen(capture.tracks.audio);
    full.element.hidden ||= !wanted.video;

    const sentence = describeCamera({
      link,
      delay,
      state: capture.state,
      error: capture.error,
      note: capture.note,
      words,
      invites: capture.invites,
      asking: session.asking,
      elsewhere,
      playing: picture.playing,
      ...source(remote),
    });
    const startable =
      (!capture.on || capture.invites) && !session.asking && link !== "gone" && link !== "none";
    action.textContent = elsewhere ? words.take : words.start;
    action.hidden = !startable || model.get("controls") === false;
    action.classList.toggle("jrtc-corner", elsewhere);
    if (capture.on) power.show("stop", words.stop);
    else if (startable && !elsewhere) power.show("start", words.start);
    else power.hide();
    if (!capture.tracks.audio) microphone.hide();
    else if (capture.microphoneMuted) microphone.show("microphone-off", "Microphone on");
    else microphone.show("microphone", "Microphone off");
    if (!elsewhere || !remote.some(({ kind }) => kind === "audio")) sound.hide();
    else if (model.get("muted")) sound.show("sound-off", "Sound on");
    else sound.show("sound", "Sound off");
    for (const choice of choices) {
      const chosen = capture.tracks[choice.kind]?.getSettings().deviceId;
      choice.show(capture.state === "live" && wanted[choice.kind] ? capture.devices : [], chosen);
    }
    statistics.show(Boolean(model.get("show_stats")));
    shell.show(sentence, { ratio: picture.ratio, numbers: numbers(model, picture) });
  }

  /** @param {MediaStreamTrack[] | undefined} remote */
  function showPicture(remote) {
    const own = capture.tracks.video;
    if (remote) {
      picture.mute(model.get("muted"));
      picture.show(remote);
      return;
    }
    // One's own sound is never played: it would come back through the microphone.
    picture.mute(true);
    if (own) {
      picture.expect(own.getSettings());
      picture.show([own]);
    } else if (!capture.on && session.state.link !== "gone") {
      picture.clear();
    }
  }

  session.addEventListener(
    "closing",
    () => {
      if (!capture.on || session.state.link === "gone") picture.freeze();
    },
    { signal },
  );
  const traits = ["muted", "mirror", "controls", "label", "width", "height", "show_stats"];
  keepUpdated(context, traits, update);
}
