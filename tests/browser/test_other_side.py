"""A real browser as the other side of a `PeerConnection`, in both roles: streams, and changes in mid-call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jupyter_rtc as rtc
from jupyter_rtc.engine.extensions import PLAYOUT_DELAY
from tests.conftest import SCALE

from .firefox import FirefoxPage
from .other_side import Mailbox, Sides, call, looks_like, loudness


def test_the_browser_answers_and_sees_streams_come_change_and_go(sides: Sides) -> None:
    first, second = rtc.MediaStream(id="first"), rtc.MediaStream(id="second")
    pattern, other = rtc.TestPattern((320, 240)), rtc.TestPattern((320, 240))
    sender = sides.pc.add_track(pattern, first, second)
    sides.we_offer()
    sides.until(lambda: sides.pc.connection_state == "connected")
    assert sides.page.evaluate("() => arrived") == [{"kind": "video", "streams": ["first", "second"], "mid": "0"}]
    sides.moves("0")

    sides.pc.add_track(rtc.TestTone(), first)  # added in mid-call
    sides.we_offer()
    assert sides.page.evaluate("() => arrived.at(-1)") == {"kind": "audio", "streams": ["first"], "mid": "1"}

    call(sender.replace_track(other))  # replaced: nothing to negotiate
    before = sides.until(lambda: sides.stamp("0"))
    assert before is not None
    sides.moves("0")

    sides.pc.remove_track(sender)
    sides.we_offer()
    assert sorted(sides.page.evaluate("() => left")) == ["first", "second"]

    sides.pc.add_track(pattern, second)  # and again
    sides.we_offer()
    assert sides.page.evaluate("() => arrived.at(-1)") == {"kind": "video", "streams": ["second"], "mid": "2"}
    sides.moves("2")


def test_the_browser_offers_and_its_streams_come_change_and_go_here(sides: Sides) -> None:
    events: list[rtc.TrackEvent] = []
    sides.pc.on("track", events.append)
    pattern = rtc.TestPattern((320, 240))
    stream_id = sides.page.evaluate(
        "() => { globalThis.stream = paint('#c03060'); globalThis.sender = pc.addTrack(stream.getTracks()[0], stream);"
        " return stream.id; }"
    )
    sides.pc.add_track(pattern, rtc.MediaStream(id="ours"))
    sides.they_offer()
    sides.until(lambda: len(events) == 1)
    assert [stream.id for stream in events[0].streams] == [stream_id]
    looks_like(events[0].track, "#c03060")
    assert sides.page.evaluate("() => arrived") == [{"kind": "video", "streams": ["ours"], "mid": "0"}]
    sides.moves("0")

    removed: list[rtc.Track] = []
    events[0].streams[0].on("removetrack", removed.append)
    sides.page.evaluate("() => pc.removeTrack(sender)")
    sides.they_offer()
    sides.until(lambda: removed == [events[0].track])
    assert events[0].track.muted
    assert events[0].track.ready_state == "live"

    sides.page.evaluate("() => { globalThis.sender = pc.addTrack(paint('#2050b0').getTracks()[0], stream); }")
    sides.they_offer()
    sides.until(lambda: len(events) == 2)
    looks_like(events[1].track, "#2050b0")


#: Levels of 255, once the picture has settled: chroma has half the luma's depth.
SETTLED = 5
COLOURS = ["#ff0000", "#00ff00", "#0000ff", "#c03060", "#2050b0", "#30a040", "#808080", "#ffff00"]
CHART = """([codec, colours]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const context = canvas.getContext("2d");
  setInterval(() => colours.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect(i * 40, 0, 40, 240);
  }), 40);
  const transceiver = pc.addTransceiver(canvas.captureStream(25).getTracks()[0], { direction: "sendonly" });
  const all = RTCRtpSender.getCapabilities("video").codecs;
  transceiver.setCodecPreferences(all.filter(({ mimeType }) => mimeType === `video/${codec}`));
}"""


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_colours_arrive_as_they_were_painted(sides: Sides, codec: str) -> None:
    if codec == "H264" and isinstance(sides.page, FirefoxPage):
        pytest.skip("Firefox has H264 by a plugin, which it fetches from elsewhere")
    sides.page.evaluate(CHART, [codec, COLOURS])
    sides.they_offer()
    track = sides.pc.get_receivers()[0].track
    wanted = np.array([[int(colour[n : n + 2], 16) for n in (1, 3, 5)] for colour in COLOURS])

    def error() -> float:
        picture = track.read(timeout=15 * SCALE)
        got = np.array(
            [np.median(picture[20:-20, i * 40 + 10 : i * 40 + 30], axis=(0, 1)) for i in range(len(COLOURS))]
        )
        return float(np.abs(got - wanted).max())

    sides.until(lambda: error() <= SETTLED)


def test_the_browser_is_told_to_show_pictures_at_once(sides: Sides) -> None:
    sides.pc.add_track(rtc.TestPattern((320, 240)))
    sides.we_offer()
    sides.moves("0")
    assert PLAYOUT_DELAY in sides.pc.remote_description.sdp


def test_both_sides_offer_at_once_and_nothing_breaks(sides: Sides) -> None:
    events: list[rtc.TrackEvent] = []
    sides.pc.on("track", events.append)
    sides.pc.add_track(rtc.TestPattern((320, 240)), rtc.MediaStream(id="ours"))
    sides.page.evaluate("() => { const s = paint('#30a040'); pc.addTrack(s.getTracks()[0], s); }")
    call(sides.pc.set_local_description())  # ours, which never leaves: theirs was first
    sides.they_offer()
    assert sides.pc.signaling_state == "stable"
    sides.until(lambda: sides.pc.connection_state == "connected")
    sides.moves("0")
    assert events
    looks_like(events[0].track, "#30a040")


def test_messages_of_any_language_go_both_ways(sides: Sides) -> None:
    channel = sides.pc.create_data_channel("Gespräch 会話")
    got: list[Any] = []
    channel.on("message", got.append)
    sides.page.evaluate(
        "() => { pc.ondatachannel = ({ channel }) => { channel.binaryType = 'arraybuffer';"
        " globalThis.label = channel.label; channel.onmessage = ({ data }) => channel.send(data); } }"
    )
    sides.we_offer()
    sides.until(lambda: channel.ready_state == "open")
    channel.send("Grüße, 世界")
    channel.send(np.arange(5, dtype=np.uint8))
    sides.until(lambda: len(got) == 2)
    assert got == ["Grüße, 世界", bytes(range(5))]
    assert sides.page.evaluate("() => label") == "Gespräch 会話"


def test_a_direction_that_pauses_goes_on_later(sides: Sides) -> None:
    events: list[rtc.TrackEvent] = []
    sides.pc.on("track", events.append)
    sides.page.evaluate("() => { pc.addTrack(paint('#c03060').getTracks()[0], new MediaStream()); }")
    sides.pc.add_track(rtc.TestPattern((320, 240)))
    sides.they_offer()
    sides.until(lambda: len(events) == 1)
    track = events[0].track
    looks_like(track, "#c03060")

    sides.page.evaluate("() => { pc.getTransceivers()[0].direction = 'recvonly'; }")
    sides.they_offer()
    sides.until(lambda: track.muted)
    assert track.ready_state == "live"
    sides.moves("0")

    sides.page.evaluate(
        "() => { const [transceiver] = pc.getTransceivers(); transceiver.direction = 'sendrecv';"
        " transceiver.sender.replaceTrack(paint('#2050b0').getTracks()[0]); }"
    )
    sides.we_offer()  # what the page wants follows from an offer of ours as well
    sides.they_offer()
    sides.until(lambda: not track.muted)
    looks_like(track, "#2050b0")
    assert events[-1].track is track


def test_sound_and_pictures_of_one_stream_arrive_in_one_stream(sides: Sides) -> None:
    events: list[rtc.TrackEvent] = []
    sides.pc.on("track", events.append)
    sides.page.evaluate(
        "async () => { const stream = paint('#30a040');"
        " const sound = await navigator.mediaDevices.getUserMedia({ audio: true });"
        " stream.addTrack(sound.getTracks()[0]); for (const track of stream.getTracks()) pc.addTrack(track, stream); }"
    )
    sides.they_offer()
    sides.until(lambda: len(events) == 2)
    assert events[0].streams == events[1].streams
    (stream,) = events[0].streams
    looks_like(stream.get_video_tracks()[0], "#30a040")
    sides.until(lambda: loudness(stream.get_audio_tracks()[0]) > 0.05)


def not_the_first_in_firefox(sides: Sides, stopped: int) -> None:
    if stopped == 0 and isinstance(sides.page, FirefoxPage):
        pytest.skip("Firefox's page crashes when another section has to take over the bundle's transport")


@pytest.mark.parametrize("stopped", [0, 1])
def test_a_transceiver_that_the_browser_stops_ends_here_and_the_others_go_on(sides: Sides, stopped: int) -> None:
    not_the_first_in_firefox(sides, stopped)
    events: list[rtc.TrackEvent] = []
    sides.pc.on("track", events.append)
    sides.page.evaluate("() => { for (const c of ['#c03060', '#2050b0']) pc.addTrack(paint(c).getTracks()[0]); }")
    sides.they_offer()
    sides.until(lambda: len(events) == 2)
    for event, colour in zip(events, ("#c03060", "#2050b0"), strict=True):
        looks_like(event.track, colour)

    sides.page.evaluate("index => pc.getTransceivers()[index].stop()", stopped)
    sides.they_offer()
    sides.until(lambda: events[stopped].track.ready_state == "ended")
    other = 1 - stopped
    assert [transceiver.mid for transceiver in sides.pc.get_transceivers()] == [str(other)]
    sides.page.wait_for_timeout(1000)
    assert sides.pc.connection_state == "connected"
    looks_like(events[other].track, ("#c03060", "#2050b0")[other])


@pytest.mark.parametrize("stopped", [0, 1])
def test_a_transceiver_that_we_stop_ends_there_and_the_others_go_on(sides: Sides, stopped: int) -> None:
    not_the_first_in_firefox(sides, stopped)
    for _ in range(2):
        sides.pc.add_transceiver(rtc.TestPattern((320, 240)), direction="sendonly")
    sides.we_offer()
    sides.moves("0")
    sides.moves("1")
    sides.pc.get_transceivers()[stopped].stop()
    sides.we_offer()
    other = str(1 - stopped)
    assert sides.page.evaluate("() => pc.getTransceivers().map((t) => t.mid)") == [other]
    sides.moves(other)


def test_a_call_goes_on_in_the_direction_that_only_one_side_sends(sides: Sides) -> None:
    sides.page.evaluate(
        "() => { pc.addTransceiver('video', { direction: 'recvonly' });"
        " pc.addTransceiver('audio', { direction: 'sendonly' }); }"
    )
    sides.they_offer()
    assert [t.current_direction for t in sides.pc.get_transceivers()] == ["inactive", "recvonly"]
    sides.pc.get_transceivers()[0].direction = "sendonly"
    call(sides.pc.get_transceivers()[0].sender.replace_track(rtc.TestPattern((320, 240))))
    sides.we_offer()
    sides.moves("0")


def test_a_channel_that_the_browser_opens_is_heard_here(sides: Sides) -> None:
    got: list[Any] = []
    opened: list[rtc.DataChannel] = []

    def take(channel: rtc.DataChannel) -> None:
        opened.append(channel)
        channel.on("message", got.append)

    sides.pc.on("datachannel", take)
    sides.page.evaluate(
        "() => { globalThis.channel = pc.createDataChannel('Gespräch', { ordered: false, maxRetransmits: 2 });"
        " channel.onopen = () => channel.send('会話'); }"
    )
    sides.they_offer()
    sides.until(lambda: got == ["会話"])
    assert (opened[0].label, opened[0].ordered, opened[0].max_retransmits) == ("Gespräch", False, 2)


@pytest.mark.parametrize("polite", [True, False])
def test_glare_through_a_signaling_ends_well_whoever_is_polite(sides: Sides, polite: bool) -> None:
    events: list[rtc.TrackEvent] = []
    sides.pc.on("track", events.append)
    mailbox = Mailbox(sides.page)
    pattern = rtc.TestPattern((320, 240))
    sides.pc.add_track(pattern, rtc.MediaStream(id="ours"))
    connected = mailbox.connect(sides.pc, polite=polite)
    sides.page.evaluate("() => { globalThis.stream = paint('#30a040'); pc.addTrack(stream.getTracks()[0], stream); }")
    sides.until(lambda: "offer" in mailbox.sent and sides.page.evaluate("() => outbox.some((m) => m.type === 'offer')"))

    def settled() -> bool:
        mailbox.pump()
        return connected.done() and bool(events) and sides.page.evaluate("() => arrived.length") > 0

    sides.until(settled)
    connected.result()
    looks_like(events[0].track, "#30a040")
    sides.moves(sides.page.evaluate("() => arrived[0].mid"))

    sides.pc.add_track(rtc.TestPattern((160, 120)), rtc.MediaStream(id="more"))  # and once more, at the same time
    sides.page.evaluate("() => { const s = paint('#2050b0'); pc.addTrack(s.getTracks()[0], s); }")
    sides.until(lambda: mailbox.pump() or (len(events) == 2 and sides.page.evaluate("() => arrived.length") == 2))
    looks_like(events[1].track, "#2050b0")
    sides.moves(sides.page.evaluate("() => arrived[1].mid"))
    sides.until(lambda: mailbox.pump() or sides.page.evaluate("() => pc.signalingState") == "stable")
    assert sides.page.evaluate("() => problems") == []
    assert sides.pc.signaling_state == "stable"
