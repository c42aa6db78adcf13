"""Whatever ends `connect` but success leaves the connection as it was, and the signaling closed once.

Each way to fail is tried on a connection with a track and a data channel, and then a second `connect` has to work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

import jupyter_rtc as rtc
from tests.conftest import SCALE

from .waiting import SOON, until

MESSAGE = "the broker says no"


class Wire:
    """A signaling in this process."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.other: Wire
        self.sent: list[str] = []
        self.closed = 0

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message["type"])
        self.other.inbox.put_nowait(message)

    async def receive(self) -> dict[str, Any]:
        return await self.inbox.get()

    async def close(self) -> None:
        self.closed += 1


def wires(first: type[Wire] = Wire) -> tuple[Wire, Wire]:
    one, other = first(), Wire()
    one.other, other.other = other, one
    return one, other


async def nothing(*_arguments: Any) -> None:
    pass


async def hang(*_arguments: Any) -> None:
    await asyncio.Event().wait()


def raising(error: BaseException) -> Callable[..., Awaitable[None]]:
    async def fail(*_arguments: Any) -> None:
        await asyncio.sleep(0)
        raise error

    return fail


def snapshot(pc: rtc.PeerConnection) -> Any:
    return (
        pc.signaling_state,
        pc.connection_state,
        pc.ice_connection_state,
        pc.ice_gathering_state,
        pc.local_description,
        pc.remote_description,
        [(t, t.mid, t.direction, t.current_direction, t.sender.track) for t in pc.get_transceivers()],
        [(channel, channel.ready_state) for channel in pc._channels],
        pc._session.is_needed(),
        pc.error,
    )


class Bench:
    """A connection with something to send, and somebody to send it to."""

    def __init__(self) -> None:
        self.pc = rtc.PeerConnection()
        self.track = rtc.TestPattern((80, 60))
        self.sender = self.pc.add_track(self.track)
        self.channel = self.pc.create_data_channel("kept")
        self.before = snapshot(self.pc)

    async def is_as_before(self, signaling: Wire) -> None:
        assert snapshot(self.pc) == self.before
        assert signaling.closed == 1

    async def connects(self) -> None:
        """The second attempt connects, with the track and the channel of before."""
        one, other = wires()
        async with rtc.PeerConnection() as friend:
            messages: asyncio.Queue[Any] = asyncio.Queue()
            loop = asyncio.get_running_loop()
            tracks: list[rtc.TrackEvent] = []
            friend.on("track", tracks.append)

            def heed(channel: rtc.DataChannel) -> None:
                channel.on("message", lambda data: loop.call_soon_threadsafe(messages.put_nowait, data))

            friend.on("datachannel", heed)
            await asyncio.gather(self.pc.connect(one, SOON), friend.connect(other, SOON))
            await until(lambda: self.channel.ready_state == "open")
            self.channel.send("hello")
            assert await asyncio.wait_for(messages.get(), SOON) == "hello"
            await until(lambda: tracks)
            assert (await asyncio.to_thread(tracks[0].track.read, timeout=SOON)).shape == (60, 80, 3)
            assert (one.closed, other.closed) == (0, 0)
            await self.pc.aclose()
            await until(lambda: (one.closed, other.closed) == (1, 1))


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.pc.aclose()


ERRORS = [
    TimeoutError(MESSAGE),
    rtc.SignalingError(MESSAGE),
    rtc.InvalidStateError(MESSAGE),
    OSError(MESSAGE),
    ValueError(MESSAGE),
]


@pytest.mark.parametrize("method", ["prepare", "send", "receive"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_what_the_signaling_raises_is_raised(bench: Bench, method: str, error: Exception) -> None:
    signaling, _ = wires()
    setattr(signaling, method, raising(error))
    with pytest.raises(type(error), match=f"^{MESSAGE}$") as caught:
        await bench.pc.connect(signaling, SOON)
    assert caught.value is error
    await bench.is_as_before(signaling)
    await bench.connects()


async def test_a_timeout_without_words_is_the_signalings_own(bench: Bench) -> None:
    signaling, _ = wires()
    signaling.prepare = raising(TimeoutError())  # type: ignore[attr-defined]
    with pytest.raises(TimeoutError) as caught:
        await bench.pc.connect(signaling, SOON)
    assert not isinstance(caught.value, rtc.ConnectTimeout)
    await bench.is_as_before(signaling)


@pytest.mark.parametrize("method", ["prepare", "send", "receive"])
@pytest.mark.parametrize("how", ["timeout", "cancel", "wait_for", "close"])
async def test_a_signaling_that_hangs(bench: Bench, method: str, how: str) -> None:
    signaling, _ = wires()
    reached = asyncio.Event()

    async def hangs(*_arguments: Any) -> None:
        reached.set()
        await hang()

    setattr(signaling, method, hangs)
    connecting = asyncio.ensure_future(bench.pc.connect(signaling, 0.3 if how == "timeout" else None))
    await asyncio.wait_for(reached.wait(), SOON)
    if how == "timeout":
        words = "was not ready" if method == "prepare" else r"within 0\.3 s"
        with pytest.raises(rtc.ConnectTimeout, match=words):
            await connecting
    elif how == "wait_for":
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connecting, 0.05)
    elif how == "cancel":
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
    else:
        await asyncio.to_thread(bench.pc.close)
        with pytest.raises(rtc.InvalidStateError):
            await asyncio.wait_for(connecting, SOON)
        assert signaling.closed == 1
        return
    await bench.is_as_before(signaling)
    await bench.connects()


@pytest.mark.parametrize("steps", [*range(12), 20, 40])
async def test_a_cancellation_at_any_step(bench: Bench, steps: int) -> None:
    """Counted in turns of the loop, with a `prepare` that takes some of them and changes the connection."""
    one, other = wires()

    async def prepare(connection: rtc.PeerConnection) -> None:
        await asyncio.sleep(0)
        connection.add_transceiver("audio", direction="recvonly")
        bench.sender._transceiver.direction = "sendonly"
        connection.create_data_channel("of the signaling")
        await asyncio.sleep(0)

    one.prepare = prepare  # type: ignore[attr-defined]
    async with rtc.PeerConnection() as friend:
        answering = asyncio.ensure_future(friend.connect(other, SOON))
        connecting = asyncio.ensure_future(bench.pc.connect(one, SOON))
        for _ in range(steps):
            await asyncio.sleep(0)
        connecting.cancel()
        (outcome,) = await asyncio.gather(connecting, return_exceptions=True)
        if steps == 0:  # it had not begun
            assert (one.closed, snapshot(bench.pc)) == (0, bench.before)
        else:
            assert isinstance(outcome, asyncio.CancelledError)
            await bench.is_as_before(one)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
    await bench.connects()


@pytest.mark.parametrize("state", ["have-local-offer", "stable"])
async def test_a_cancellation_once_the_other_side_has_answered(bench: Bench, state: str) -> None:
    """In the middle of the checks: what was negotiated is undone, too."""
    one, other = wires()
    async with rtc.PeerConnection(ice_transport_policy="relay") as friend:  # which is never reached
        friend.add_track(rtc.TestTone())
        answering = asyncio.ensure_future(friend.connect(other, SOON))
        connecting = asyncio.ensure_future(bench.pc.connect(one, SOON))
        await until(lambda: bench.pc.signaling_state == state and bench.pc.local_description is not None)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await bench.is_as_before(one)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
    await bench.connects()


async def test_a_timeout_once_the_other_side_has_answered(bench: Bench) -> None:
    one, other = wires()
    async with rtc.PeerConnection(ice_transport_policy="relay") as friend:
        outcomes = await asyncio.gather(bench.pc.connect(one, 0.5), friend.connect(other, 0.5), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [rtc.ConnectTimeout] * 2
        await bench.is_as_before(one)
        assert other.closed == 1
        assert friend.get_transceivers() == []  # those of the other side's offer go with it
        assert friend.signaling_state == "stable"
    await bench.connects()


async def test_what_the_signaling_has_changed_is_taken_back_and_what_the_user_has_added_stays(bench: Bench) -> None:
    one, _ = wires()
    prepared = asyncio.Event()

    async def prepare(connection: rtc.PeerConnection) -> None:
        connection.add_track(rtc.TestTone())
        connection.create_data_channel("of the signaling")
        bench.sender._transceiver.direction = "sendonly"
        prepared.set()

    one.prepare = prepare  # type: ignore[attr-defined]
    connecting = asyncio.ensure_future(bench.pc.connect(one, None))
    await until(lambda: bench.pc.signaling_state == "have-local-offer")
    mine = rtc.TestTone()
    sender = bench.pc.add_track(mine)
    channel = bench.pc.create_data_channel("mine")
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert [s.track for s in bench.pc.get_senders()] == [bench.track, mine]
    assert bench.pc.get_senders()[1] is sender
    assert bench.sender._transceiver.direction == "sendrecv"
    assert bench.pc._channels == [bench.channel, channel]
    await bench.connects()


@pytest.mark.parametrize("how", ["raises", "hangs"])
async def test_a_close_that_fails_keeps_nobody(bench: Bench, how: str, caplog: pytest.LogCaptureFixture) -> None:
    signaling, _ = wires()
    closed = 0

    async def close() -> None:
        nonlocal closed
        closed += 1
        await (hang() if how == "hangs" else raising(OSError("no way back"))())

    signaling.close = close  # type: ignore[method-assign]
    signaling.receive = raising(rtc.SignalingError(MESSAGE))  # type: ignore[method-assign]
    with pytest.raises(rtc.SignalingError, match=MESSAGE):
        await asyncio.wait_for(bench.pc.connect(signaling, SOON), 8 * SCALE)
    assert closed == 1
    assert snapshot(bench.pc) == bench.before
    assert ("no way back" in caplog.text) == (how == "raises")
    await bench.connects()


async def test_a_second_cancellation_does_not_stop_the_cleaning(bench: Bench) -> None:
    signaling, _ = wires()
    go_on = asyncio.Event()

    async def close() -> None:
        await go_on.wait()
        signaling.closed += 1

    signaling.close = close  # type: ignore[method-assign]
    signaling.send = hang  # type: ignore[method-assign]
    connecting = asyncio.ensure_future(bench.pc.connect(signaling, None))
    await until(lambda: bench.pc.signaling_state == "have-local-offer")
    connecting.cancel()
    await asyncio.sleep(0)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    go_on.set()
    await until(lambda: signaling.closed == 1 and snapshot(bench.pc) == bench.before)
    await bench.connects()


async def test_a_signaling_whose_methods_are_cancelled_by_itself_is_told(bench: Bench) -> None:
    for method in ("send", "receive"):
        signaling, _ = wires()
        setattr(signaling, method, raising(asyncio.CancelledError()))
        with pytest.raises(rtc.SignalingError, match=f"{method} was cancelled"):
            await bench.pc.connect(signaling, SOON)
        await bench.is_as_before(signaling)
    await bench.connects()


async def test_a_bye_before_the_connection(bench: Bench) -> None:
    signaling, other = wires()
    await other.send({"type": "bye"})
    with pytest.raises(rtc.OperationError, match="bye"):
        await bench.pc.connect(signaling, SOON)
    await bench.is_as_before(signaling)
    await bench.connects()


async def test_what_is_in_use_goes_on_and_what_is_not_is_closed(bench: Bench) -> None:
    one, other = wires()
    async with rtc.PeerConnection() as friend, rtc.PeerConnection() as third:
        await asyncio.gather(bench.pc.connect(one, SOON), friend.connect(other, SOON))
        fresh, _ = wires()
        with pytest.raises(rtc.InvalidStateError, match="already"):
            await bench.pc.connect(fresh)
        with pytest.raises(rtc.InvalidStateError, match="used already"):
            await third.connect(one)
        with pytest.raises(rtc.InvalidStateError, match="already"):
            await bench.pc.connect(one)
        assert (one.closed, fresh.closed) == (0, 1)
        assert bench.pc.connection_state == "connected"


async def test_a_second_connect_closes_its_own_signaling_while_the_first_goes_on(bench: Bench) -> None:
    (one, other), (fresh, _) = wires(), wires()
    connecting = asyncio.ensure_future(bench.pc.connect(one, SOON))
    await until(lambda: "offer" in one.sent)
    with pytest.raises(rtc.InvalidStateError, match="already"):
        await bench.pc.connect(fresh)
    assert (one.closed, fresh.closed) == (0, 1)
    async with rtc.PeerConnection() as friend:
        await asyncio.gather(connecting, friend.connect(other, SOON))


@pytest.mark.parametrize(
    ("timeout", "error", "words"),
    [("1", TypeError, "timeout"), (True, TypeError, "timeout"), (-1, ValueError, "timeout is 0 or more.*not -1")],
)
async def test_a_timeout_that_is_none_closes_the_signaling(
    bench: Bench, timeout: Any, error: type[Exception], words: str
) -> None:
    signaling, _ = wires()
    with pytest.raises(error, match=words):
        await bench.pc.connect(signaling, timeout)
    await bench.is_as_before(signaling)
    await bench.connects()


async def test_a_connection_that_is_closed_closes_the_signaling(caplog: pytest.LogCaptureFixture) -> None:
    pc = rtc.PeerConnection()
    pc.close()
    signaling, _ = wires()
    with pytest.raises(rtc.InvalidStateError, match="closed"):
        await pc.connect(signaling)
    assert signaling.closed == 1
    paste = rtc.CopyPaste()
    with pytest.raises(rtc.InvalidStateError, match="closed"):
        await pc.connect(paste)
    assert "The connection failed." in paste.words
    hanging, _ = wires()
    hanging.close = hang  # type: ignore[method-assign]
    with pytest.raises(rtc.InvalidStateError, match="closed"):
        await asyncio.wait_for(pc.connect(hanging), 8 * SCALE)
    assert not caplog.text


async def test_a_signaling_that_nobody_answers_is_named(bench: Bench) -> None:
    signaling, _ = wires()
    with pytest.raises(rtc.ConnectTimeout, match="no answer.* the other end of Wire") as caught:
        await bench.pc.connect(signaling, 0.5)
    assert "set_remote_description" not in str(caught.value)


async def test_the_close_of_the_connection_ends_connect_and_says_bye(bench: Bench) -> None:
    one, _other = wires()
    connecting = asyncio.ensure_future(bench.pc.connect(one, None))
    await until(lambda: "offer" in one.sent)
    await bench.pc.aclose()
    with pytest.raises(rtc.InvalidStateError):
        await connecting
    assert one.sent == ["offer", "bye"]
    assert one.closed == 1


@pytest.mark.parametrize("make", [rtc.Whip, rtc.Whep])
async def test_a_media_server_that_cannot_be_reached_changes_no_direction(make: Any) -> None:
    async with rtc.PeerConnection() as pc:
        if make is rtc.Whip:
            pc.add_track(rtc.TestTone())
        before = snapshot(pc)
        with pytest.raises(rtc.SignalingError):
            await pc.connect(make("http://127.0.0.1:9/x"), SOON)
        assert snapshot(pc) == before


async def test_copy_and_paste_says_why_it_failed(bench: Bench) -> None:
    paste = rtc.CopyPaste()
    with pytest.raises(rtc.ConnectTimeout):
        await bench.pc.connect(paste, 0.2)
    assert "The connection failed." in paste.words
    assert "not connected within 0.2 s" in paste.words
    with pytest.raises(rtc.InvalidStateError, match="new CopyPaste"):
        paste.paste(rtc.CopyPaste.encode(await bench.pc.create_offer()))
