"""GStreamer's webrtcbin as the other side. Run by the system's Python, which has its bindings; speaks lines of JSON.

In: ``{"do": "offer"}``, ``{"do": "answer", "sdp": ...}``, ``{"do": "accept", "sdp": ...}``, ``{"do": "report"}``.
Out: ``{"sdp": ...}`` with all candidates, ``{}``, or what has arrived; ``{"error": ...}``.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

VIDEO = (
    "videotestsrc is-live=true pattern=solid-color foreground-color=0xff30a040 "
    "! video/x-raw,width=320,height=240,framerate=15/1 ! videoconvert ! queue "
    "! vp8enc deadline=1 keyframe-max-dist=15 ! rtpvp8pay pt={video} picture-id-mode=2 "
    "! application/x-rtp,media=video,encoding-name=VP8,payload={video} ! end. "
)
AUDIO = (
    "audiotestsrc is-live=true wave=sine freq=440 ! audioconvert ! audioresample ! queue ! opusenc "
    "! rtpopuspay pt={audio} ! application/x-rtp,media=audio,encoding-name=OPUS,payload={audio} ! end. "
)


class Peer:
    """One webrtcbin that sends green pictures and a tone, and looks at what comes."""

    def __init__(self) -> None:
        self.pipeline: Gst.Pipeline | None = None
        self.lock = threading.Lock()
        self.got: dict[str, object] = {"pictures": 0, "picture": None, "sound": 0, "peak": 0.0, "problems": []}

    def build(self, video: int, audio: int) -> None:
        description = "webrtcbin name=end bundle-policy=max-bundle " + AUDIO + VIDEO
        self.pipeline = Gst.parse_launch(description.format(video=video, audio=audio))
        self.end = self.pipeline.get_by_name("end")
        self.end.connect("pad-added", self.on_pad)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _bus, message: self.problem(str(message.parse_error())))
        self.pipeline.set_state(Gst.State.PLAYING)

    def problem(self, text: str) -> None:
        with self.lock:
            self.got["problems"].append(text)

    def on_pad(self, _element: Gst.Element, pad: Gst.Pad) -> None:
        if pad.direction != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        tail = {
            "video": "rtpvp8depay ! vp8dec ! videoconvert ! video/x-raw,format=RGB",
            "audio": "rtpopusdepay ! opusdec ! audioconvert ! audio/x-raw,format=F32LE,channels=1",
        }[kind]
        chain = Gst.parse_bin_from_description(
            f"queue ! {tail} ! appsink name=out emit-signals=true sync=false max-buffers=4 drop=true", True
        )
        chain.get_by_name("out").connect("new-sample", self.on_sample, kind)
        self.pipeline.add(chain)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def on_sample(self, sink: Gst.Element, kind: str) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        buffer = sample.get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        with self.lock:
            if kind == "video":
                structure = sample.get_caps().get_structure(0)
                size = structure.get_int("width")[1], structure.get_int("height")[1]
                self.got["pictures"] += 1
                self.got["picture"] = (*size, data)
            else:
                self.got["sound"] += 1
                self.got["peak"] = max(abs(sample) for sample in memoryview(data).cast("f"))
        return Gst.FlowReturn.OK

    def make(self, kind: str) -> str:
        """Make an offer or answer, set it, and return it with all candidates."""
        promise = Gst.Promise.new()
        self.end.emit(f"create-{kind}", None, promise)
        promise.wait()
        reply = promise.get_reply()  # owns what is in it
        self.set("local", reply.get_value(kind))
        return self.gathered()

    def set(self, which: str, description: GstWebRTC.WebRTCSessionDescription) -> None:
        promise = Gst.Promise.new()
        self.end.emit(f"set-{which}-description", description, promise)
        promise.wait()

    def gathered(self) -> str:
        done = threading.Event()

        def look(*_: object) -> None:
            if self.end.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
                done.set()

        self.end.connect("notify::ice-gathering-state", look)
        look()
        done.wait(10)
        return self.end.get_property("local-description").sdp.as_text()

    def remote(self, kind: GstWebRTC.WebRTCSDPType, text: str) -> None:
        _result, message = GstSdp.SDPMessage.new_from_text(text)
        self.set("remote", GstWebRTC.WebRTCSessionDescription.new(kind, message))

    def do(self, command: dict[str, str]) -> dict[str, object]:
        what = command["do"]
        if what == "offer":
            self.build(96, 97)
            # The sources' caps must have reached webrtcbin, else there is nothing to offer.
            self.pipeline.get_state(5 * Gst.SECOND)
            threading.Event().wait(0.5)
            return {"sdp": self.make("offer")}
        if what == "answer":
            numbers = {
                name: int(re.search(rf"a=rtpmap:(\d+) {name}/", command["sdp"], re.IGNORECASE)[1])
                for name in ("VP8", "opus")
            }
            self.build(numbers["VP8"], numbers["opus"])
            self.pipeline.get_state(5 * Gst.SECOND)
            threading.Event().wait(0.5)
            self.remote(GstWebRTC.WebRTCSDPType.OFFER, command["sdp"])
            return {"sdp": self.make("answer")}
        if what == "accept":
            self.remote(GstWebRTC.WebRTCSDPType.ANSWER, command["sdp"])
            return {}
        with self.lock:
            got = dict(self.got)
        if got["picture"] is not None:
            width, height, data = got["picture"]
            got["picture"] = [width, height, base64.b64encode(data).decode()]
        return got


def main() -> None:
    Gst.init(None)
    loop = GLib.MainLoop()
    threading.Thread(target=loop.run, daemon=True).start()
    peer = Peer()
    for line in sys.stdin:
        try:
            reply = peer.do(json.loads(line))
        except Exception as error:
            reply = {"error": repr(error)}
        print(json.dumps(reply), flush=True)
    if peer.pipeline is not None:
        peer.pipeline.set_state(Gst.State.NULL)
    loop.quit()


main()
