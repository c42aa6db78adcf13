/**
 * A connection of the kernel to somebody else: its streams side by side, its states, its numbers.
 * @import { ViewContext } from "./shell.js"
 */
import { Button } from "./controls.js";
import { create } from "./dom.js";
import { Picture } from "./picture.js";
import { describeConnection } from "./sentence.js";
import { keepUpdated, Shell, saveMuted } from "./shell.js";

/** @typedef {{element: HTMLElement, picture: Picture, caption: HTMLElement, lifetime: AbortController}} Card */

/** @param {ViewContext} context */
export function mountConnection(context) {
  const { session, model, signal } = context;
  const grid = create("div", { class: "jrtc-tiles" });
  const empty = create("div", { class: "jrtc-nothing", text: "No streams yet" });
  const facts = create("div", { class: "jrtc-facts" });
  const shell = new Shell(context, "Connection", grid, empty);
  shell.element.classList.add("jrtc-connection");
  shell.bar.after(facts);
  const sound = new Button(() => saveMuted(model, !model.get("muted")), signal);
  shell.buttons.append(sound.element);
  /** By the slots that are in it, so that a tile keeps its picture when others come and go. @type {Map<string, Card>} */
  const cards = new Map();
  signal.addEventListener("abort", () => {
    for (const { lifetime } of cards.values()) lifetime.abort();
  });

  function update() {
    const { link, tracks, tiles } = session.state;
    const wanted = new Map(tiles.map((tile) => [tile.slots[0] ?? tile.title, tile]));
    for (const [key, card] of cards) {
      if (wanted.has(key)) continue;
      card.lifetime.abort();
      card.element.remove();
      cards.delete(key);
    }
    for (const [key, { title, slots }] of wanted) {
      const card = cards.get(key) ?? addCard(key);
      const mine = slots.flatMap((slot) => tracks.get(slot) ?? []);
      card.picture.show(mine.map(({ track }) => track));
      card.picture.mute(model.get("muted"));
      card.element.style.setProperty("--jrtc-ratio", String(card.picture.ratio));
      const soundOnly = mine.length > 0 && mine.every(({ kind }) => kind === "audio");
      card.element.classList.toggle("jrtc-soundonly", soundOnly);
      card.picture.symbol(soundOnly ? "sound" : "picture");
      card.caption.textContent = title;
    }
    empty.hidden = cards.size > 0;
    if (![...tracks.values()].some(({ kind }) => kind === "audio")) sound.hide();
    else if (model.get("muted")) sound.show("sound-off", "Sound on");
    else sound.show("sound", "Sound off");
    facts.replaceChildren(
      ...fact("connection", model.get("connection_state")),
      ...fact("ICE", model.get("ice_connection_state")),
      ...fact("signaling", model.get("signaling_state")),
      create("span", { class: "jrtc-statistics", text: model.get("statistics") ?? "" }),
    );
    const sentence = describeConnection({
      link,
      connectionState: model.get("connection_state"),
      left: model.get("left"),
    });
    const name = model.get("label");
    shell.show(name ? { ...sentence, text: `${name} · ${sentence.text}` } : sentence);
  }

  /**
   * @param {string} key
   * @returns {Card}
   */
  function addCard(key) {
    const lifetime = new AbortController();
    const picture = new Picture(() => update(), lifetime.signal);
    session.addEventListener("closing", () => picture.freeze(), { signal: lifetime.signal });
    const caption = create("figcaption", { class: "jrtc-caption" });
    const card = {
      element: create("figure", { class: "jrtc-tile" }, picture.element, caption),
      picture,
      caption,
      lifetime,
    };
    grid.append(card.element);
    cards.set(key, card);
    return card;
  }

  const traits = ["signaling_state", "connection_state", "ice_connection_state", "statistics"];
  keepUpdated(context, ["muted", "controls", "label", "width", ...traits], update);
}

/**
 * @param {string} name
 * @param {string | undefined} value
 */
function fact(name, value) {
  if (!value) return [];
  return [create("span", { class: "jrtc-fact" }, `${name} `, create("b", { text: value }))];
}
