/**
 * The wire between a page and the kernel. `jupyter_rtc/link/messages.py` is its other half;
 * `tests/vectors/mailbox.json` holds both to the same behaviour.
 *
 * Everything travels in envelopes, over the widget's comm until the data channel "control" is open and
 * over that channel afterwards. An envelope carries every message that its sender has not seen
 * acknowledged, oldest first, so that envelopes may be lost, repeated or reordered.
 */

/** Page to kernel and kernel to page. On the comm the kernel's are seen by every page: `to` says whose it is. */
export interface Envelope {
  v: 1;
  /** The page's random name (page to kernel). A new one after "bye", and after the kernel was gone. */
  client?: string;
  /** The client it is meant for (kernel to page). */
  to?: string;
  /** The highest message number received from the other side. */
  ack: number;
  /** May be empty: then it acknowledges or, from the page, asks for what is waiting (a poll). */
  messages: Array<Numbered<PageMessage> | Numbered<KernelMessage>>;
  /** (kernel to page) The kernel has let this page go, e.g. while its computer slept: say hello again. */
  unknown?: true;
}
/** Messages are numbered from 1 on, by side. */
export type Numbered<M> = M & { n: number };

export type Kind = "audio" | "video";
export type CaptureState = "idle" | "starting" | "live" | "stopped" | "error";

export interface CaptureError {
  /** The DOMException's name, e.g. "NotAllowedError". */
  name: string;
  message: string;
}
export interface Device {
  deviceId: string;
  kind: Kind;
  label: string;
}

/** A page says these. */
export type PageMessage =
  /**
   * A view is shown. The kernel answers with a plan. `resumes`: the page's name before it lost the kernel, and it
   * would go on with what it captured then.
   */
  | { type: "hello"; secure: boolean; origin: string; agent: string; resumes?: string }
  /** An offer. `slots`: which transceiver (by mid) is to carry which track of the plan; `capture`: which carry the page's own. */
  | {
      type: "description";
      epoch: number;
      description: { type: "offer"; sdp: string };
      slots: Record<string, string>;
      capture: Record<string, Kind>;
    }
  | { type: "candidate"; epoch: number; candidate: RTCIceCandidateInit | null }
  /** What the page's camera or microphone is doing. `by`: a person's click, or the kernel's command. */
  | {
      type: "capture";
      state: CaptureState;
      by: "page" | "kernel";
      error?: CaptureError;
      /** What it waits for while it is starting, if there is more to say than that. */
      why?: string;
      settings?: Partial<Record<Kind, MediaTrackSettings>>;
      devices?: Device[];
      /** deviceId of what is captured, of the video if there is one. */
      device?: string;
    }
  /** No connection came about, or it was lost. The page goes on trying with a new epoch. */
  | { type: "failed"; epoch: number; reason: string }
  /** The kernel is to say why it is or is not connected. */
  | { type: "report" }
  /** The last view is gone: camera off, connection closed. `cleared`: its output was, in a notebook that is there. */
  | { type: "bye"; cleared?: boolean }
  /** A message that was not understood. */
  | { type: "error"; message: string };

export interface PlannedTrack {
  slot: string;
  kind: Kind;
  label: string;
  /** What the source is doing in the kernel, and why it is silent if it is. */
  state: "live" | "muted" | "ended";
  why: string;
  /** In pixels, where known before the first picture. */
  width?: number;
  height?: number;
}
/** One picture (with its sound) in the view. */
export interface Tile {
  title: string;
  slots: string[];
}
/** Constraints by kind (absent: not wanted), of getUserMedia or, of a screen, getDisplayMedia. */
export type CaptureWish = Partial<Record<Kind, boolean | MediaTrackConstraints>> & {
  /** Absent: a camera or microphone. */
  source?: "device" | "screen" | "element";
  /** Of an element: the id of the widget whose canvas or video it is, and pictures a second at most. */
  model?: string;
  fps?: number;
};

/** The kernel says these. */
export type KernelMessage =
  /** What this page is to play and may capture. Sent after hello and whenever it changes; the page adds transceivers and offers again. */
  | {
      type: "plan";
      iceServers: RTCIceServer[];
      iceTransportPolicy: RTCIceTransportPolicy;
      tracks: PlannedTrack[];
      tiles: Tile[];
      capture: CaptureWish | null;
      /** Whether it is this page that captures, or has been told to. */
      owns: boolean;
    }
  | { type: "description"; epoch: number; description: { type: "answer"; sdp: string } }
  /** Turn the camera on (or over to other constraints while it is on), or off. */
  | { type: "capture"; command: "start" | "stop"; wish: CaptureWish }
  /** A sentence under the picture. `detail`: a traceback. A new one with the same `key` replaces it; empty text removes it. */
  | { type: "notice"; key: string; level: "info" | "error"; text: string; detail: string }
  /** What was asked for by "report". */
  | { type: "report"; text: string }
  /** In place of a message that a newer one has made obsolete before it was acknowledged. */
  | { type: "void" }
  /** A message of the page was refused, e.g. its offer. */
  | { type: "error"; message: string };

/** Beside the envelopes on the data channel: the kernel asks every second, the page answers at once. */
export type Heartbeat = { type: "ping"; time: number } | { type: "pong"; time: number };

/** The widget's synced traits. Only the kernel writes them, but for those marked (page). */
export interface Traits {
  /** Which view the widget has. */
  _player: "camera" | "microphone" | "screen" | "capture" | "video" | "audio" | "connection";
  /** A name for what is shown, for the accessible name of the player. */
  label: string;
  controls: boolean;
  /** Whether the controls can be seen and not be used. */
  disabled: boolean;
  /** ipywidgets' own. */
  tooltip: string | null;
  /** (page) Of sound from the kernel. A page's own microphone is muted in that page alone. */
  muted: boolean;
  /** (page) */
  mirror: boolean;
  /** CSS pixels; 0: at most 640, and never wider than the cell. */
  width: number;
  height: number;
  show_stats: boolean;
  /** Of what captures: its state in the kernel. */
  state: CaptureState | "closed";
  error: string;
  /** Connection only: the connection's states. */
  signaling_state: string;
  connection_state: string;
  ice_connection_state: string;
  left?: boolean;
  /** Connection only: one line of statistics in words, refreshed about each second. */
  statistics: string;
}
