/**
 * Plays one picture, with its sound, from the kernel.
 * @import { RemoteTrack } from "../session.js"
 * @import { ViewContext } from "./shell.js"
 */
import { Button, fullscreenButton, statisticsButton } from "./controls.js";
import { Picture } from "./picture.js";
import { describePlayer } from "./sentence.js";
import { keepUpdated, Shell, saveMuted } from "./shell.js";
import { Statistics } from "./statistics.js";

/** @param {ViewContext} context */
export function mountPlayer(context) {
  const { session, model, signal } = context;
  const picture = new Picture(() => update(), signal);
  picture.symbol("picture");
  const shell = new Shell(context, "Live video", picture.element);
  const sound = new Button(() => saveMuted(model, !model.get("muted")), signal);
  const statistics = new Statistics(session, signal);
  shell.bar.after(statistics.element);
  shell.buttons.append(sound.element, statisticsButton(model, signal).element);
  shell.buttons.append(fullscreenButton(picture.element, signal).element);

  function update() {
    const { link, delay, tracks, notices } = session.state;
    const all = [...tracks.values()];
    picture.expect(all.find(({ kind }) => kind === "video") ?? {});
    picture.show(all.map(({ track }) => track));
    picture.mute(model.get("muted"));
    picture.element.classList.toggle("jrtc-mirror", model.get("mirror"));
    if (!all.some(({ kind }) => kind === "audio")) sound.hide();
    else if (model.get("muted")) sound.show("sound-off", "Sound on");
    else sound.show("sound", "Sound off");
    const sentence = describePlayer({
      link,
      delay,
      planned: all.length > 0,
      playing: picture.playing,
      what: all.some(({ kind }) => kind === "video") ? "picture" : "sound",
      ...source(all),
      troubled: notices.some(({ level }) => level === "error"),
    });
    statistics.show(Boolean(model.get("show_stats")));
    shell.show(sentence, { ratio: picture.ratio, numbers: numbers(model, picture) });
  }

  session.addEventListener("closing", () => picture.freeze(), { signal });
  keepUpdated(context, ["muted", "mirror", "controls", "label", "width", "height", "show_stats"], update);
}

/**
 * What all that is played comes from: it is silent where all of it is.
 * @param {RemoteTrack[]} tracks
 */
export function source(tracks) {
  const silent = tracks.every(({ state }) => state !== "live") ? tracks[0] : undefined;
  return { source: silent?.state ?? "live", why: silent?.why ?? "" };
}

/**
 * @param {ViewContext["model"]} model
 * @param {Picture} picture
 */
export function numbers(model, picture) {
  if (!model.get("show_stats") || !picture.playing || !picture.size) return "";
  return picture.size;
}
