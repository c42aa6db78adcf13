"""The engine's thread in the life of a process: its end, its threads, its children."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters
from aiortc.rtcrtpreceiver import RemoteStreamTrack

from jupyter_rtc.engine.loop import engine
from jupyter_rtc.engine.peer import Peer
from tests.conftest import SCALE

#: A pair over real sockets, with media flowing and being read.
PAIR = """
import asyncio, sys, threading, time
import jupyter_rtc as rtc
from jupyter_rtc import *

def names():
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("jupyter-rtc"))

async def main():
    a, b = PeerConnection(), PeerConnection()
    tracks = [TestPattern((160, 120)), TestTone()]
    for track in tracks:
        a.add_track(track)
    await connect_pair(a, b)
    for receiver in b.get_receivers():
        await asyncio.to_thread(receiver.track.read)
    return a, b, tracks
"""


def run(code: str, root: Path, timeout: float = 60) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Run `code`; return how long its process lived on after its last line, and what it said."""
    code = f"{PAIR}\n{code}"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-X", "faulthandler", "-c", code],
        cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=timeout * SCALE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        out, err = process.communicate()
        pytest.fail(f"the process did not end\n{out}\n{err}")
    finally:
        process.kill()
        process.wait()
    ended = time.time()
    last = [float(line.split()[1]) for line in out.splitlines() if line.startswith("LAST ")]
    assert last, err
    return ended - last[-1], subprocess.CompletedProcess(code, process.returncode, out, err)


LAST = 'print("LAST", time.time(), flush=True)\n'


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (LAST, 0),
        (LAST + "raise ZeroDivisionError('not handled')", 1),
        (LAST + "sys.exit(3)", 3),
        ("a.close(); b.close()\n" + LAST, 0),
        ("del a, b, tracks\n" + LAST, 0),
        ("frames = b.get_receivers()[0].track.frames()\n" + LAST, 0),
        ("stop = b.get_receivers()[0].track.on_frame(lambda frame: time.sleep(0.2))\n" + LAST, 0),
    ],
    ids=["open", "unhandled exception", "exit", "closed", "forgotten", "iterated", "in a callback"],
)
def test_a_process_with_an_open_pair_ends_within_3_seconds(root, ending, code):
    took, process = run("a, b, tracks = asyncio.run(main())\n" + ending, root)
    assert took < 3 * SCALE
    assert process.returncode == code, process.stderr
    if code == 1:
        assert process.stderr.count("Traceback") == 1, process.stderr
        assert "not handled" in process.stderr
    else:
        assert process.stderr == ""


def test_a_process_whose_event_loop_is_interrupted_ends_too(root):
    took, process = run(
        """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background has it ignored
async def forever():
    a, b, tracks = await main()
    print("LAST", time.time(), flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(60)
asyncio.run(forever())
""",
        root,
    )
    assert took < 3 * SCALE
    assert "KeyboardInterrupt" in process.stderr
    assert process.stderr.count("Traceback") <= 2, process.stderr


@pytest.mark.parametrize(
    "code",
    [
        """
async def publish():
    server = WhipServer()
    await server.start()
    pc = PeerConnection()
    pc.add_track(TestPattern((160, 120)))
    await pc.connect(Whip(server.url + "/whip/x"))
asyncio.run(publish())
""",
        """
server = serve_rooms(0)
async def meet():
    a, b = WebSocketRoom(server.url, "x"), WebSocketRoom(server.url, "x")
    a.add_track(TestPattern((160, 120)))
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()
    b.on("track", lambda _event: loop.call_soon_threadsafe(arrived.set))
    await a.join()
    await b.join()
    await arrived.wait()
asyncio.run(meet())
""",
    ],
    ids=["a server with a publisher", "a room with two"],
)
def test_a_process_that_closes_nothing_ends_without_a_word(root, code):
    took, process = run(code + LAST, root)
    assert took < 4 * SCALE
    assert (process.returncode, process.stderr) == (0, "")


def test_a_process_that_ends_says_goodbye(root):
    """The other side learns of it at once, and not when its checks time out."""
    code = (
        PAIR
        + """
import json
async def child():
    pc = PeerConnection()
    pc.add_track(TestPattern((160, 120)))
    print(json.dumps({"type": "offer", "sdp": (await pc.set_local_description()).sdp}), flush=True)
    await pc.set_remote_description(json.loads(await asyncio.to_thread(sys.stdin.readline)))
    await asyncio.to_thread(sys.stdin.readline)
    return pc
pc = asyncio.run(child())
"""
    )
    import asyncio
    import json

    from jupyter_rtc import PeerConnection

    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    async def parent() -> float:
        async with PeerConnection() as pc:
            await pc.set_remote_description(json.loads(await asyncio.to_thread(process.stdout.readline)))
            answer = await pc.set_local_description()
            process.stdin.write(json.dumps({"type": "answer", "sdp": answer.sdp}) + "\n")
            process.stdin.flush()
            await asyncio.to_thread(pc.get_receivers()[0].track.read)
            process.stdin.write("end\n")
            process.stdin.flush()
            await asyncio.to_thread(process.wait, 10 * SCALE)
            began = time.monotonic()
            while pc.connection_state == "connected":
                assert time.monotonic() - began < 10 * SCALE
                await asyncio.sleep(0.01)
            return time.monotonic() - began

    try:
        assert asyncio.run(parent()) < 2 * SCALE
    finally:
        process.kill()
        process.communicate()


def test_importing_and_making_things_starts_no_thread(root):
    _, process = run(
        """
objects = [NumpyVideoTrack(), NumpyAudioTrack(), TestPattern(), TestTone(), MediaStream(), PeerConnection()]
print("THREADS", threading.active_count())
"""
        + LAST,
        root,
    )
    assert "THREADS 1\n" in process.stdout


def test_after_close_only_the_lasting_threads_stay(root):
    _, process = run(
        """
a, b, tracks = asyncio.run(main())
a.close(); b.close()
for track in tracks:
    track.stop()
deadline = time.monotonic() + 5
lasting = ("jupyter-rtc-engine", "jupyter-rtc-codec", "jupyter-rtc-callbacks", "jupyter-rtc-forgotten")
def others():
    return [t.name for t in threading.enumerate() if not t.name.startswith(("MainThread", *lasting))]
while others() and time.monotonic() < deadline:
    time.sleep(0.01)
print("OTHERS", others())
print("ENGINES", names().count("jupyter-rtc-engine"))
"""
        + LAST,
        root,
    )
    assert "OTHERS []\n" in process.stdout
    assert "ENGINES 1\n" in process.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_harms_neither_itself_nor_its_parent(root):
    """As multiprocessing and subprocess shells in notebooks do; the child may even connect itself."""
    took, process = run(
        """
import os, warnings
warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
a, b, tracks = asyncio.run(main())
for quick in (True, False):
    pid = os.fork()
    if pid == 0:
        if quick:
            sys.exit(0)
        c, d, more = asyncio.run(main())
        assert names().count("jupyter-rtc-engine") == 1, names()
        sys.exit(0)
    began = time.monotonic()
    done = 0
    while not done and time.monotonic() < began + 15:
        done, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.01)
    if not done:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    print("CHILD", "ended" if done else "hung", os.waitstatus_to_exitcode(status) if done else "")
b.get_receivers()[0].track.read()
print("PARENT", a.connection_state, b.connection_state)
"""
        + LAST,
        root,
    )
    assert process.stdout.count("CHILD ended 0") == 2, process.stdout + process.stderr
    assert "PARENT connected connected" in process.stdout
    assert took < 3 * SCALE


def test_a_blocking_call_on_the_engines_thread_says_so_instead_of_hanging(root):
    _, process = run(
        """
from jupyter_rtc.engine.loop import engine
async def nothing():
    return
async def inside():
    try:
        engine().call(nothing(), 5)
    except RuntimeError as error:
        return str(error)
print("SAID", engine().submit(inside()).result(5))
"""
        + LAST,
        root,
    )
    assert "never return" in process.stdout


async def test_a_receiver_that_starts_before_its_track_is_announced_is_taken_all_the_same() -> None:
    """aiortc starts every receiver there is when something else has just connected: its decoder is stopped by us."""

    async def start_early() -> bool:
        peer = Peer(lambda *_: None)
        key = peer.add_transceiver("video", "recvonly")
        receiver = peer._transceivers[key].receiver
        receiver._track = RemoteStreamTrack("video")
        await receiver.receive(RTCRtpReceiveParameters())
        taken = peer.received(key) is not None
        await peer.close()
        return taken

    assert await asyncio.wait_for(engine().run(start_early()), 10)
