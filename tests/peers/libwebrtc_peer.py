"""libwebrtc (PyPI's wrtc) as the other side, in a process of its own; speaks the lines of `gstreamer_peer`."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import sys
from typing import Any

import webrtc

SIZE = 320, 240
GREEN = bytes((0x30, 0xA0, 0x40, 255)) * (SIZE[0] * SIZE[1])


class Peer:
    """One connection that sends green pictures and a tone, and looks at what comes."""

    def __init__(self) -> None:
        self.pc = webrtc.RTCPeerConnection()
        self.got: dict[str, Any] = {"pictures": 0, "picture": None, "sound": 0, "peak": 0.0, "problems": []}
        self.tasks: list[asyncio.Task[None]] = []
        self.pc.on("track", lambda event: self.start(self.look(event.track)))
        for kind in ("audio", "video"):
            track = webrtc.MediaStreamTrackGenerator(kind)
            self.pc.add_track(track, webrtc.MediaStream([track]))
            self.start(self.send(track))

    def start(self, coroutine: Any) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(coroutine))

    async def send(self, track: Any) -> None:
        writer = track.writable.get_writer()
        clock = asyncio.get_running_loop().time
        begin, number, step = clock(), 0, 0.01 if track.kind == "audio" else 1 / 15
        while True:
            await asyncio.sleep(max(0, begin + number * step - clock()))
            stamp = round(number * step * 1e6)
            if track.kind == "audio":
                tone = [8000 * math.sin(2 * math.pi * 440 * (number * 480 + i) / 48_000) for i in range(480)]
                data = b"".join(round(sample).to_bytes(2, "little", signed=True) for sample in tone)
                await writer.write(
                    webrtc.AudioData(
                        webrtc.AudioDataInit(
                            format="s16", sample_rate=48_000, number_of_frames=480, number_of_channels=1,
                            timestamp=stamp, data=data,
                        )
                    )
                )  # fmt: skip
            else:
                await writer.write(
                    webrtc.VideoFrame(
                        GREEN,
                        webrtc.VideoFrameBufferInit(
                            format="RGBA", coded_width=SIZE[0], coded_height=SIZE[1], timestamp=stamp
                        ),
                    )
                )
            number += 1

    async def look(self, track: Any) -> None:
        processor = webrtc.MediaStreamTrackProcessor(webrtc.MediaStreamTrackProcessorInit(track=track))
        async for item in processor.readable:
            if track.kind == "video":
                options = webrtc.VideoFrameCopyToOptions(format="RGBA")
                data = bytearray(item.allocation_size(options))
                await item.copy_to(data, options)
                self.got["pictures"] += 1
                self.got["picture"] = (item.coded_width, item.coded_height, data)
            else:
                options = webrtc.AudioDataCopyToOptions(plane_index=0, format="f32")
                data = bytearray(item.allocation_size(options))
                item.copy_to(data, options)
                self.got["sound"] += 1
                self.got["peak"] = max(abs(sample) for sample in memoryview(data).cast("f"))
            item.close()

    async def gathered(self) -> str:
        while self.pc.ice_gathering_state != "complete":
            await asyncio.sleep(0.02)
        return self.pc.local_description.sdp

    async def do(self, command: dict[str, str]) -> dict[str, Any]:
        what = command["do"]
        if what == "offer":
            await self.pc.set_local_description(await self.pc.create_offer())
            return {"sdp": await self.gathered()}
        if what == "answer":
            await self.pc.set_remote_description(webrtc.RTCSessionDescription(type="offer", sdp=command["sdp"]))
            await self.pc.set_local_description(await self.pc.create_answer())
            return {"sdp": await self.gathered()}
        if what == "accept":
            await self.pc.set_remote_description(webrtc.RTCSessionDescription(type="answer", sdp=command["sdp"]))
            return {}
        got = dict(self.got, problems=[repr(t.exception()) for t in self.tasks if t.done() and t.exception()])
        if got["picture"] is not None:
            width, height, data = got["picture"]
            rgb = bytearray(width * height * 3)
            for channel in range(3):
                rgb[channel::3] = data[channel::4]
            got["picture"] = [width, height, base64.b64encode(rgb).decode()]
        return got


async def main() -> None:
    peer = Peer()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            reply = await peer.do(json.loads(line))
        except Exception as error:
            reply = {"error": repr(error)}
        print(json.dumps(reply), flush=True)
    peer.pc.close()
    for task in peer.tasks:
        task.cancel()


asyncio.run(main())
