/**
 * The camera: this page's own picture, or the kernel's while another page has the camera.
 * @import { ViewContext } from "./shell.js"
 */
import { device, kinds } from "../capture/obstacle.js";
import { Button, DeviceChoice, fullscreenButton } from "./controls.js";
import { create } from "./dom.js";
import { Meter } from "./meter.js";
import { Picture } from "./picture.js";
import { numbers } from "./player.js";
import { describeCamera } from "./sentence.js";
import { keepUpdated, Shell, saveMuted } from "./shell.js";

/** @param {ViewContext} context */
export function mountCamera(context) {
  const { session, model, signal } = context;
  const { capture } = session;
  let fps = 0;
  const picture = new Picture(() => update(), signal);
  const meter = new Meter(signal);
  picture.symbol("camera");
  const shell = new Shell(context, "Camera", picture.element);
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
  shell.buttons.append(microphone.element, sound.element, power.element, full.element);

  function update() {
    const { link, tracks, wish } = session.state;
    const remote = [...tracks.values()];
    const elsewhere = remote.length > 0 && !capture.on && !session.asking;
    const wanted = kinds(wish).length > 0 ? wish : { video: true };
    const what = device(wanted);

    showPicture(elsewhere ? remote.map(({ track }) => track) : undefined);
    picture.element.classList.toggle("jrtc-mirror", model.get("mirror"));
    picture.element.hidden = !wanted.video;
    meter.listen(capture.tracks.audio);
    full.element.hidden ||= !wanted.video;

    const sentence = describeCamera({
      link,
      state: capture.state,
      error: capture.error,
      device: what,
      asking: session.asking,
      elsewhere,
      playing: picture.playing,
    });
    const startable = !capture.on && !session.asking && link !== "gone" && link !== "none";
    action.textContent = elsewhere ? `Use this page's ${what}` : `Start the ${what}`;
    action.hidden = !startable || model.get("controls") === false;
    action.classList.toggle("jrtc-corner", elsewhere);
    if (capture.on) power.show("stop", `Stop the ${what}`);
    else if (startable && !elsewhere) power.show("start", `Start the ${what}`);
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
    shell.show(sentence, { ratio: picture.ratio, numbers: numbers(model, picture, fps) });
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
    } else if (!capture.on) {
      picture.clear();
    }
  }

  session.addEventListener(
    "closing",
    () => {
      if (!capture.on) picture.freeze();
    },
    { signal },
  );
  picture.measure((measured) => {
    fps = measured;
    if (model.get("show_stats")) update();
  }, signal);
  const traits = ["muted", "mirror", "controls", "label", "width", "height", "show_stats"];
  keepUpdated(context, traits, update);
}
