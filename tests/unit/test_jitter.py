"""The jitter buffers, as tables of what comes, when, and what is to be done."""

from __future__ import annotations

import itertools

import pytest

from jupyter_rtc.engine.audio_jitter import CONCEALED, LEAST_REORDERING, MOST_REORDERING, AudioBuffer
from jupyter_rtc.engine.jitter import GIVE_UP, KEY_FRAME_INTERVAL, TRIES, VideoBuffer
from jupyter_rtc.engine.packets import Outcome, Packet, unwrap
from jupyter_rtc.engine.timeline import MediaClock, Timeline

TICK = 3000
FRAME = 1 / 30


class Stream:
    """Packets of pictures: a key frame's data begin with K, the others' with d."""

    def __init__(self, first: int = 100, timestamp: int = 0) -> None:
        self.number, self.timestamp = first, timestamp

    def picture(self, packets: int = 1, *, key: bool = False, marker: bool = True) -> list[Packet]:
        out = []
        for index in range(packets):
            data = (b"K" if key else b"d") if index == 0 else b"."
            out.append(
                self._packet(data + b"%d" % (self.timestamp // TICK), marker and index == packets - 1, index == 0)
            )
        self.timestamp = (self.timestamp + TICK) & 0xFFFFFFFF
        return out

    def padding(self) -> Packet:
        """Return a probe of the bandwidth, which has the timestamp of the picture before."""
        packet = self._packet(b"", False, False)
        packet.timestamp = (self.timestamp - TICK) & 0xFFFFFFFF
        return packet

    def _packet(self, data: bytes, marker: bool, begins: bool) -> Packet:
        packet = Packet(self.number & 0xFFFF, self.timestamp, marker, data, begins, 0.0)
        self.number += 1
        return packet


class Bench:
    """A buffer with a clock; `taken` is what the decoder got."""

    def __init__(self) -> None:
        self.buffer = VideoBuffer(lambda data: data[:1] == b"K")
        self.buffer.measure(0.1)
        self.now = 0.0
        self.taken: list[bytes] = []
        self.asked: list[int] = []
        self.requests = 0

    def give(self, *packets: Packet) -> Outcome:
        outcome = Outcome()
        for packet in packets:
            packet.arrived = self.now
            self.buffer.add(packet, self.now)
            outcome = self._note(self.buffer.poll(self.now))
        return outcome

    def wait(self, seconds: float) -> Outcome:
        """Let time go by, polling whenever it was asked for."""
        end = self.now + seconds
        outcome = self._note(self.buffer.poll(self.now))
        while outcome.due is not None and outcome.due <= end:
            self.now = max(outcome.due, self.now + 1e-6)
            outcome = self._note(self.buffer.poll(self.now))
        self.now = end
        return outcome

    def _note(self, outcome: Outcome) -> Outcome:
        self.taken += [media.data for media in outcome.media]
        self.asked += outcome.nack
        self.requests += outcome.key_frame
        return outcome


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def stream() -> Stream:
    return Stream()


# -- marker release ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packets", [1, 2, 7])
def test_a_picture_leaves_with_its_last_packet(bench, stream, packets):
    bench.give(*stream.picture(key=True))
    for number in range(5):
        *most, last = stream.picture(packets)
        bench.give(*most)
        assert len(bench.taken) == number + 1
        bench.give(last)
        assert len(bench.taken) == number + 2


def test_a_sender_without_markers_is_understood_by_its_timestamps(bench, stream):
    bench.give(*stream.picture(2, key=True, marker=False))
    bench.give(*stream.picture(2, marker=False))
    assert bench.taken == [b"K0.0"]
    bench.give(*stream.picture(1, marker=False))
    assert bench.taken == [b"K0.0", b"d1.1"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_packets_may_come_in_any_order(bench, stream, order):
    bench.give(*stream.picture(key=True))
    packets = [*stream.picture(2), *stream.picture(2)]
    bench.give(*(packets[index] for index in order))
    assert bench.taken == [b"K0", b"d1.1", b"d2.2"]


def test_the_very_first_packet_may_be_overtaken(bench, stream):
    first, second, third = stream.picture(3, key=True)
    bench.give(second, first, third, *stream.picture())
    assert bench.taken == [b"K0.0.0", b"d1"]


def test_duplicates_are_passed_over(bench, stream):
    for packets in (stream.picture(2, key=True), stream.picture(2)):
        bench.give(*packets, *packets)
    assert bench.taken == [b"K0.0", b"d1.1"]


def test_padding_is_no_picture_and_holds_nothing_up(bench, stream):
    bench.give(*stream.picture(key=True), stream.padding(), stream.padding(), *stream.picture(), stream.padding())
    bench.give(*stream.picture(2))
    assert bench.taken == [b"K0", b"d1", b"d2.2"]
    assert all(bench.taken), "empty data are the end for a decoder"


def test_what_it_began_with_in_the_midst_of_a_picture_is_not_shown(bench, stream):
    bench.give(*stream.picture(4, key=True)[2:])
    bench.give(*stream.picture())
    assert bench.taken == []
    bench.give(*stream.picture(2, key=True))
    assert bench.taken == [b"K2.2"]


# -- holes ------------------------------------------------------------------------------------------------------------


def test_a_lost_packet_is_asked_for_at_once_and_all_goes_on_when_it_comes(bench, stream):
    bench.give(*stream.picture(key=True))
    (lost,) = stream.picture()
    bench.give(*stream.picture())
    assert bench.asked == [lost.number]
    bench.wait(0.1)
    bench.give(lost)
    assert bench.taken == [b"K0", b"d1", b"d2"], "all that waited, not one for each packet that comes"
    bench.give(*stream.picture())
    assert bench.taken[-1] == b"d3"
    assert bench.requests == 0


def test_it_is_asked_for_again_when_the_retransmission_is_lost_too(bench, stream):
    bench.give(*stream.picture(key=True))
    (lost,) = stream.picture()
    for _ in range(8):
        bench.give(*stream.picture())
        bench.wait(FRAME)
    assert bench.asked == [lost.number] * 3, "0.12 s apart, the round trip and a little"
    bench.give(lost)
    assert len(bench.taken) == 10
    assert bench.buffer.poll(bench.now).due is None


def test_a_key_frame_is_asked_for_when_waiting_has_taken_long(bench, stream):
    bench.give(*stream.picture(key=True))
    before = bench.requests
    stream.picture()
    bench.give(*stream.picture())
    bench.wait(0.22)
    assert bench.requests == before
    bench.wait(0.02)
    assert bench.requests == before + 1, "2.3 round trips"
    bench.wait(KEY_FRAME_INTERVAL)
    assert bench.requests == before + 2, "the request may be lost, too"


def test_a_whole_key_frame_ends_the_waiting(bench, stream):
    bench.give(*stream.picture(key=True))
    stream.picture()
    bench.give(*stream.picture(), *stream.picture())
    *most, last = stream.picture(3, key=True)
    bench.give(*most)
    assert bench.taken == [b"K0"]
    bench.give(last, *stream.picture())
    assert bench.taken == [b"K0", b"K4.4.4", b"d5"]
    assert bench.buffer.poll(bench.now).due is None, "what was passed over is not asked for any more"
    assert bench.buffer.dropped == 2


def test_a_key_frame_with_a_hole_of_its_own_does_not(bench, stream):
    bench.give(*stream.picture(key=True))
    stream.picture()
    first, second, third = stream.picture(3, key=True)
    bench.give(first, third)
    assert bench.taken == [b"K0"]
    bench.give(second)
    assert bench.taken == [b"K0", b"K2.2.2"]


def test_nothing_after_a_hole_is_shown_without_what_it_refers_to(bench, stream):
    bench.give(*stream.picture(key=True))
    stream.picture()
    for _ in range(60):
        bench.give(*stream.picture())
        bench.wait(FRAME)
    assert bench.taken == [b"K0"]
    bench.give(*stream.picture(key=True), *stream.picture())
    assert bench.taken == [b"K0", b"K62", b"d63"]


def test_a_hole_is_forgotten_in_the_end_and_with_it_what_waited(bench, stream):
    bench.give(*stream.picture(key=True))
    (lost,) = stream.picture()
    bench.give(*stream.picture(), *stream.picture())
    bench.wait(GIVE_UP + 0.1)
    bench.give(lost)
    assert bench.taken == [b"K0"]
    assert bench.buffer.dropped == 2
    assert bench.buffer.needs_key


def test_a_packet_is_asked_for_a_bounded_number_of_times(stream):
    bench = Bench()
    bench.buffer = VideoBuffer(lambda data: data[:1] == b"K")
    bench.buffer.measure(0.01)
    bench.give(*stream.picture(key=True))
    stream.picture()
    bench.give(*stream.picture())
    bench.wait(GIVE_UP - 0.1)
    assert len(bench.asked) == TRIES


def test_after_a_long_silence_a_key_frame_is_asked_for_and_not_a_thousand_packets(bench, stream):
    bench.give(*stream.picture(key=True))
    stream.number += 700
    before = bench.requests
    bench.give(*stream.picture())
    assert bench.asked == []
    assert bench.requests == before + 1
    bench.give(*stream.picture(key=True))
    assert len(bench.taken) == 2


def test_a_retransmission_tells_the_round_trip(bench, stream):
    bench.give(*stream.picture(key=True))
    (lost,) = stream.picture()
    bench.give(*stream.picture())
    bench.wait(0.105)
    bench.give(lost)
    assert bench.buffer.round_trip == pytest.approx(0.105)


def test_of_a_packet_asked_for_twice_nobody_knows_which_request_it_answers(bench, stream):
    bench.give(*stream.picture(key=True))
    (lost,) = stream.picture()
    bench.give(*stream.picture())
    bench.wait(0.15)
    bench.give(lost)
    assert bench.buffer.round_trip == pytest.approx(0.1)


def test_a_key_frame_is_asked_for_until_it_comes_and_not_too_often(bench, stream):
    for _ in range(30):
        bench.give(*stream.picture())
        bench.wait(FRAME)
    assert bench.taken == []
    assert 1 + 1 / KEY_FRAME_INTERVAL - 1 <= bench.requests <= 2 + 1 / KEY_FRAME_INTERVAL


def test_no_key_frame_is_asked_for_while_one_is_coming(bench, stream):
    packets = stream.picture(8, key=True)
    for packet in packets:
        assert bench.taken == []
        bench.give(packet)
        bench.wait(0.01)
    assert bench.requests == 0
    assert len(bench.taken) == 1


def test_what_is_held_is_bounded(bench, stream):
    bench.give(*stream.picture(key=True))
    stream.picture()
    bench.now = 0.01
    for packet in stream.picture(5000):
        bench.buffer.add(packet, bench.now)
    assert len(bench.buffer._packets) <= 2048


# -- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [65530, 65535, 0, 32766])
def test_numbers_wrap(bench, first):
    stream = Stream(first, timestamp=0xFFFFFFFF - 2 * TICK)
    bench.give(*stream.picture(key=True))
    for number in range(20):
        packets = stream.picture(2)
        bench.give(*(reversed(packets) if number % 2 else packets))
    assert len(bench.taken) == 21


def test_a_hole_over_the_wrap_is_asked_for_by_its_numbers_on_the_wire(bench):
    stream = Stream(65533)
    bench.give(*stream.picture(key=True))
    lost = [stream.picture()[0] for _ in range(4)]
    bench.give(*stream.picture())
    assert bench.asked == [65534, 65535, 0, 1]
    bench.give(*lost)
    assert len(bench.taken) == 6


def test_one_stray_packet_changes_nothing(bench, stream):
    bench.give(*stream.picture(key=True))
    bench.give(*Stream(40_000).picture(key=True))
    bench.give(*stream.picture())
    assert bench.taken == [b"K0", b"d1"]
    assert bench.asked == []


def test_a_sender_that_began_anew_is_followed_from_its_next_key_frame_on(bench, stream):
    bench.give(*stream.picture(key=True))
    anew = Stream(40_000)
    bench.give(*anew.picture(), *anew.picture(), *anew.picture())
    assert bench.requests == 1
    bench.give(*anew.picture(key=True))
    assert bench.taken == [b"K0", b"K3"]


@pytest.mark.parametrize(
    ("value", "near", "expected"),
    [(0, 65535, 65536), (65535, 65536, 65535), (5, 5, 5), (65535, 0, -1), (10, 131072, 131082), (32767, 0, 32767)],
)
def test_a_wrapped_number_is_taken_for_the_nearest(value, near, expected):
    assert unwrap(value, near, 16) == expected


# -- sound ------------------------------------------------------------------------------------------------------------


def sounds(count: int, first: int = 0) -> list[Packet]:
    return [Packet((first + n) & 0xFFFF, n * 960, False, b"%d" % n, False, n * 0.02) for n in range(count)]


def play(buffer: AudioBuffer, packets: list[tuple[float, Packet]]) -> list[tuple[float, bytes, int]]:
    """Return when each left, and how many were lost before it."""
    out: list[tuple[float, bytes, int]] = []

    def poll(now: float) -> float | None:
        outcome = buffer.poll(now)
        out.extend((round(now, 3), media.data, media.lost) for media in outcome.media)
        return outcome.due

    due = None
    for when, packet in [*packets, (1e9, None)]:
        while due is not None and due <= when:
            due = poll(due)
        if packet is not None:
            packet.arrived = when
            buffer.add(packet, when)
            due = poll(when)
    return out


@pytest.mark.parametrize("first", [0, 65_500])
def test_sound_leaves_at_once(first):
    out = play(AudioBuffer(), [(packet.arrived, packet) for packet in sounds(100, first)])
    assert [(when, lost) for when, _, lost in out] == [(round(n * 0.02, 3), 0) for n in range(100)]


def test_a_lost_one_is_waited_for_a_moment_and_the_delay_is_then_as_before():
    out = play(AudioBuffer(), [(packet.arrived, packet) for packet in sounds(20) if packet.number != 10])
    late = [(data, round(when - int(data) * 0.02, 3), lost) for when, data, lost in out]
    assert late[10] == (b"11", LEAST_REORDERING, 1)
    assert late[11][1] <= 0.01
    assert all(wait == 0 and lost == 0 for _, wait, lost in late[:10] + late[12:])


def test_one_that_was_overtaken_takes_its_place():
    packets = sounds(6)
    packets[2], packets[3] = packets[3], packets[2]
    out = play(AudioBuffer(), [(n * 0.02, packet) for n, packet in enumerate(packets)])
    assert [data for _, data, _ in out] == [b"0", b"1", b"2", b"3", b"4", b"5"]


def test_it_waits_longer_where_packets_come_late_and_never_long():
    buffer = AudioBuffer()
    late = [(p.arrived + (0.07 if p.number in (10, 30) else 0), p) for p in sounds(50)]
    out = play(buffer, sorted(late, key=lambda pair: pair[0]))
    assert buffer.late == 1
    assert b"10" not in [data for _, data, _ in out]
    assert b"30" in [data for _, data, _ in out], "it has learnt"
    assert buffer._reordering <= MOST_REORDERING


def test_a_long_hole_is_told_once():
    packets = [packet for packet in sounds(200) if not 50 <= packet.number < 150]
    out = play(AudioBuffer(), [(packet.arrived, packet) for packet in packets])
    assert [lost for _, _, lost in out if lost] == [100]
    assert CONCEALED < 100


def test_empty_packets_are_no_sound_and_no_hole():
    packets = sounds(6)
    packets[3].data = b""
    out = play(AudioBuffer(), [(packet.arrived, packet) for packet in packets])
    assert [(data, lost) for _, data, lost in out] == [(b"0", 0), (b"1", 0), (b"2", 0), (b"4", 0), (b"5", 0)]


# -- time -------------------------------------------------------------------------------------------------------------


def test_media_time_goes_on_over_the_wrap_of_timestamps():
    clock = MediaClock(90_000)
    first = 0xFFFFFFFF - 10 * TICK
    ticks = [clock.ticks((first + n * TICK) & 0xFFFFFFFF, n * FRAME) for n in range(30)]
    assert ticks == [n * TICK for n in range(30)]


@pytest.mark.parametrize("restart", [0, 5, 0x80000000, 12_345_678])
def test_timestamps_that_jump_make_no_jump_in_media_time(restart):
    clock = MediaClock(90_000)
    for n in range(10):
        clock.ticks(900_000_000 + n * TICK, n * FRAME)
    ticks = [clock.ticks((restart + n * TICK) & 0xFFFFFFFF, (10 + n) * FRAME) for n in range(3)]
    assert ticks == [30_000, 33_000, 36_000]


def test_a_pause_that_both_clocks_know_of_is_one():
    clock = MediaClock(90_000)
    clock.ticks(0, 0.0)
    assert clock.ticks(60 * 90_000, 60.0) == 60 * 90_000


def test_another_source_goes_on_where_the_last_one_was():
    clock = MediaClock(90_000)
    clock.ticks(0, 0.0)
    clock.ticks(90_000, 1.0)
    clock.restart(90_000)
    assert clock.ticks(91_000, 1.1) == 99_000
    assert clock.ticks(94_000, 1.2) == 102_000


# -- this machine's clock ---------------------------------------------------------------------------------------------


def test_what_came_late_was_not_taken_late():
    timeline = Timeline()
    delays = [0.0, 0.02, 0.005, 0.2, 0.0]
    when = [timeline.when(n * FRAME, 1000 + n * FRAME + delay) for n, delay in enumerate(delays)]
    assert when == pytest.approx([1000 + n * FRAME for n in range(5)])


@pytest.mark.parametrize("drift", [-200e-6, 200e-6])
def test_a_clock_of_another_speed_adds_no_delay(drift):
    timeline = Timeline()
    for n in range(30 * 600):
        arrived = n * FRAME
        delay = arrived - timeline.when(arrived * (1 + drift), arrived)
        assert -1e-6 <= delay < 0.003


def test_a_clock_that_was_set_is_followed():
    timeline = Timeline()
    timeline.when(0.0, 10.0)
    assert timeline.when(1.0, 13.0) == pytest.approx(13.0)
    assert timeline.when(0.5, 13.1) == pytest.approx(13.1)
