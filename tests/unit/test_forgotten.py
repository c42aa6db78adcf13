"""A derived track that nobody holds, shows or reads is freed, and its source stops; one that is used lives."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
from aiortc import VideoStreamTrack
from aiortc.mediastreams import AudioStreamTrack

from jupyter_rtc import MediaStream, NumpyVideoTrack, TestPattern, TestTone, Video
from jupyter_rtc.engine.foreign import as_track
from jupyter_rtc.media.broadcast import Wish, join, leave
from jupyter_rtc.media.outlet import VideoOutlet
from jupyter_rtc.media.ties import Ties
from tests.conftest import SCALE

SOON = 5 * SCALE


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.002)


def picture(value: int = 1) -> np.ndarray:
    return np.full((16, 16, 3), value, np.uint8)


def written() -> NumpyVideoTrack:
    track = NumpyVideoTrack()
    track.write(picture())
    return track


def is_gone(reference: weakref.ref) -> bool:
    gc.collect()
    return reference() is None


@pytest.fixture
def threads() -> Callable[[], list[threading.Thread]]:
    """Return what returns the threads of tracks that have begun since then."""
    before = threading.enumerate()
    words = ("map ", "numpy video")
    return lambda: [t for t in threading.enumerate() if t not in before and any(word in t.name for word in words)]


# -- freed ------------------------------------------------------------------------------------------------------------


def test_forgotten_clones_are_freed():
    track = TestPattern()
    clones = [weakref.ref(track.clone()) for _ in range(200)]
    gc.collect()
    assert [clone for clone in clones if clone() is not None] == []
    wait_for(lambda: not any(track._listeners.values()))


@pytest.mark.parametrize("make", [TestPattern, TestTone, written])
def test_forgotten_maps_are_freed_and_their_functions(make):
    class Function:
        def __call__(self, item: np.ndarray) -> np.ndarray:
            return item

    track, functions = make(), weakref.WeakSet()
    for _ in range(100):
        functions.add(function := Function())
        track.map(function)
        del function
    gc.collect()
    assert len(functions) == 0
    wait_for(lambda: not any(track._listeners.values()))


@pytest.mark.parametrize("derive", [lambda t: t.clone(), lambda t: t.map(lambda f: f)], ids=["clone", "map"])
@pytest.mark.parametrize("read", [lambda t: t.read(timeout=SOON), lambda t: t.latest()], ids=["read", "latest"])
def test_a_derived_track_that_was_read_and_is_forgotten_lets_its_source_rest(derive, read, threads):
    """At once, not after the ten seconds in which the next read would find the source at work; nothing is written."""
    track = written()
    derived = derive(track)
    read(derived)
    assert track._sinks
    gone = weakref.ref(derived)
    del derived
    assert is_gone(gone)
    wait_for(lambda: not track._sinks)
    wait_for(lambda: not threads())


def test_a_chain_of_maps_is_freed_as_a_whole(threads):
    track = written()
    first = track.map(lambda frame: frame)
    second = first.clone().map(lambda frame: frame)
    assert second.read(timeout=SOON).shape == (16, 16, 3)
    tracks = [weakref.ref(first), weakref.ref(second)]
    del first, second
    wait_for(lambda: all(map(is_gone, tracks)))
    wait_for(lambda: not track._sinks)
    wait_for(lambda: not threads())


def test_a_map_of_what_raises_is_freed():
    track = written()
    mapped = track.map(lambda _frame: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mapped.read(timeout=SOON)
    gone = weakref.ref(mapped)
    del mapped
    wait_for(lambda: is_gone(gone))
    wait_for(lambda: not track._sinks)


def test_a_map_that_its_own_sources_function_can_see_is_freed_with_it():
    """An application's object often holds the source, the map, and their functions."""

    class App:
        def __init__(self) -> None:
            self.source = NumpyVideoTrack(self.draw)
            self.source.on("ended", self.over)
            self.mapped = self.source.map(self.work)

        def draw(self, _seconds: float) -> np.ndarray:
            return picture()

        def work(self, frame: np.ndarray) -> np.ndarray:
            return frame

        def over(self) -> None:
            """Nothing."""

    app = App()
    app.mapped.read(timeout=SOON)
    app.mapped._readers[48_000, None].last_read -= 100  # as if it was a while ago
    wait_for(lambda sinks=app.source._sinks: not sinks)
    gone = weakref.ref(app)
    del app
    wait_for(lambda: is_gone(gone))


def test_a_stream_of_clones_is_freed():
    track = TestPattern()
    stream = MediaStream([track]).clone()
    clone = weakref.ref(stream.get_tracks()[0])
    del stream
    assert is_gone(clone)


def test_a_forgotten_clone_is_no_reason_for_a_device_to_be_on():
    track = TestPattern()
    track.clone()
    gc.collect()
    track.stop()
    assert not track._is_wanted


@pytest.mark.parametrize("derive", [lambda t: t.clone(), lambda t: t.clone().clone()], ids=["clone", "clone of clone"])
def test_the_device_goes_off_when_the_last_clone_is_forgotten(derive):
    track, offs = TestPattern(), []
    track._stopped = lambda: offs.append(track._is_wanted)
    clone = derive(track)
    track.stop()
    assert offs == [True]
    del clone
    gc.collect()
    wait_for(lambda: offs[1:])
    assert not any(offs[1:])


def test_a_clone_that_was_stopped_and_is_forgotten_is_told_of_once():
    track, offs = TestPattern(), []
    track._stopped = lambda: offs.append(track._is_wanted)
    clone = track.clone()
    track.stop()
    clone.stop()
    del clone
    gc.collect()
    done = threading.Event()
    Ties(done.set)  # behind all that was forgotten before
    assert done.wait(SOON)
    assert offs == [True, False]


# -- kept -------------------------------------------------------------------------------------------------------------


def test_a_map_lives_while_on_frame_reads_it():
    track, seen = TestPattern((80, 60), fps=60), []
    stop = track.map(lambda frame: frame).map(lambda frame: frame).on_frame(lambda _frame: seen.append(1))
    for _ in range(3):
        gc.collect()
        count = len(seen)
        wait_for(lambda count=count: len(seen) > count + 2)
    stop()
    del stop
    wait_for(lambda: gc.collect() is None or not track._sinks)


def test_a_map_lives_while_it_is_iterated_over():
    track = TestPattern((80, 60), fps=60)
    for number, _frame in enumerate(track.map(lambda frame: frame).frames(timeout=SOON)):
        gc.collect()
        if number == 5:
            break
    wait_for(lambda: gc.collect() is None or not track._sinks)


async def test_a_map_lives_while_it_is_sent():
    track = TestPattern((80, 60), fps=60)
    outlet = VideoOutlet()
    outlet.switch(track.map(lambda frame: frame))
    for _ in range(5):
        gc.collect()
        assert (await outlet.recv()).width == 80
    assert track._sinks
    outlet.close()
    del outlet
    await asyncio.to_thread(wait_for, lambda: gc.collect() is None or not track._sinks)


def test_a_map_lives_while_it_is_encoded():
    class Viewer:
        dropped, held_up, target = 0, False, 1e6

        def __init__(self) -> None:
            self.got: list[Any] = []

        def put(self, encoded: Any) -> None:
            self.got.append(encoded.number)

        def may_send_at(self, _now: float) -> float:
            return 0.0

    track, viewer = TestPattern((80, 60), fps=60), Viewer()
    layer = join(track.map(lambda frame: frame), Wish("VP8"), viewer)
    gc.collect()
    wait_for(lambda: len(viewer.got) > 5)
    leave(layer, viewer)
    del layer
    wait_for(lambda: gc.collect() is None or not track._sinks)


def test_a_map_lives_while_it_is_shown():
    track = TestPattern()
    shown = track.map(lambda frame: frame)
    video, mapped = Video(shown), weakref.ref(shown)
    del shown
    gc.collect()
    assert mapped() is not None
    video.close()
    del video
    wait_for(lambda: is_gone(mapped))


# -- aiortc's tracks --------------------------------------------------------------------------------------------------


class Numbered(VideoStreamTrack):
    """An aiortc track of pictures, which can stall."""

    def __init__(self) -> None:
        super().__init__()
        self.stalls = False

    async def recv(self) -> av.VideoFrame:
        if self.stalls:
            await asyncio.Event().wait()
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(picture(), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


@pytest.mark.parametrize("make", [VideoStreamTrack, AudioStreamTrack])
def test_a_wrapped_aiortc_track_is_freed(make):
    references = []
    for _ in range(20):
        theirs = make()
        references += [weakref.ref(theirs), weakref.ref(as_track(theirs))]
    del theirs
    gc.collect()
    assert [reference for reference in references if reference() is not None] == []


@pytest.mark.parametrize("stalls", [False, True])
def test_a_wrapped_aiortc_track_that_was_read_is_freed_and_read_no_more(stalls):
    theirs = Numbered()
    ours = as_track(theirs)
    assert ours.read(timeout=SOON).shape == (16, 16, 3)
    theirs.stalls = stalls
    gone = weakref.ref(ours), weakref.ref(theirs)
    del ours, theirs
    wait_for(lambda: all(map(is_gone, gone)))


def test_an_aiortc_track_is_wrapped_once_while_it_is_used():
    theirs = Numbered()
    ours = as_track(theirs)
    assert as_track(theirs) is ours
    mapped = ours.map(lambda frame: frame)
    del ours
    gc.collect()
    assert as_track(theirs) is mapped._upstream
    assert mapped.read(timeout=SOON).shape == (16, 16, 3)


def test_an_aiortc_track_is_wrapped_anew_once_it_was_forgotten():
    theirs = Numbered()
    for _ in range(3):
        assert as_track(theirs).read(timeout=SOON).shape == (16, 16, 3)
        gc.collect()
