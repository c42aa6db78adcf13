/**
 * Plays sound from the kernel, in one line.
 * @import { ViewContext } from "./shell.js"
 */
import { Button } from "./controls.js";
import { Meter } from "./meter.js";
import { Picture } from "./picture.js";
import { source } from "./player.js";
import { describePlayer } from "./sentence.js";
import { keepUpdated, Shell, saveMuted } from "./shell.js";

/** @param {ViewContext} context */
export function mountAudio(context) {
  const { session, model, signal } = context;
  const player = new Picture(() => update(), signal);
  const meter = new Meter(signal);
  const shell = new Shell(context, "Live sound", player.element);
  // Played by a video element that is never seen, so that both views treat autoplay alike.
  player.element.hidden = true;
  shell.element.classList.add("jrtc-compact");
  const sound = new Button(() => saveMuted(model, !model.get("muted")), signal);
  shell.bar.prepend(sound.element);
  shell.buttons.append(player.hear, meter.element);

  function update() {
    const { link, delay, tracks, notices } = session.state;
    const all = [...tracks.values()].filter(({ kind }) => kind === "audio");
    player.show(all.map(({ track }) => track));
    player.mute(model.get("muted"));
    meter.listen(all.find(({ muted }) => !muted)?.track);
    if (model.get("muted")) sound.show("sound-off", "Sound on");
    else sound.show("sound", "Sound off");
    const sentence = describePlayer({
      link,
      delay,
      planned: all.length > 0,
      playing: player.playing,
      what: "sound",
      ...source(all),
      troubled: notices.some(({ level }) => level === "error"),
    });
    shell.show(sentence);
  }

  keepUpdated(context, ["muted", "controls", "label", "width"], update);
}
