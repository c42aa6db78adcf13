/**
 * The widget, as anywidget wants it. Older anywidgets give no `signal`: what they call is what is returned.
 * @import { Model } from "./session.js"
 * @import { ViewContext } from "./view/shell.js"
 */
import { Session } from "./session.js";
import { mountAudio } from "./view/audio.js";
import { mountCamera } from "./view/camera.js";
import { mountConnection } from "./view/connection.js";
import { mountPlayer } from "./view/player.js";

/** @type {Record<string, (context: ViewContext) => void>} */
const VIEWS = {
  audio: mountAudio,
  camera: mountCamera,
  capture: mountCamera,
  connection: mountConnection,
  microphone: mountCamera,
  screen: mountCamera,
  video: mountPlayer,
};

export default () => {
  /** @type {Session | undefined} */
  let session;

  return {
    /** @param {{model: Model, signal?: AbortSignal}} props */
    initialize({ model, signal }) {
      const mine = new Session(model);
      session = mine;
      const close = () => mine.close();
      signal?.addEventListener("abort", close, { once: true });
      return close;
    },

    /** @param {{model: Model, el: HTMLElement, signal?: AbortSignal}} props */
    render({ model, el, signal }) {
      session ??= new Session(model);
      const lifetime = new AbortController();
      const detach = session.attach(el);
      lifetime.signal.addEventListener("abort", detach);
      signal?.addEventListener("abort", () => lifetime.abort(), { once: true });
      const mount = VIEWS[model.get("_player")] ?? mountPlayer;
      mount({ session, model, el, signal: lifetime.signal });
      return () => lifetime.abort();
    },
  };
};
