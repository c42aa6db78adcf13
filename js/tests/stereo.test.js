import { expect, it } from "vitest";
import { inStereo } from "../src/transport/stereo.js";

/** @param {string} parameters */
const offer = (parameters) =>
  `v=0\r\nm=audio 9 X 111 63\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 ${parameters}\r\na=fmtp:63 111/111\r\n`;

it("asks for stereo of Opus, both ways, and of nothing else", () => {
  expect(inStereo(offer("minptime=10;useinbandfec=1"))).toBe(
    offer("minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"),
  );
});

it("leaves alone what the browser says of itself", () => {
  for (const said of ["maxplaybackrate=48000;stereo=1", "stereo=0; sprop-stereo=0"]) {
    expect(inStereo(offer(said))).toBe(offer(said));
  }
  const none = "v=0\r\nm=video 9 X 96\r\na=fmtp:96 x=y\r\n";
  expect(inStereo(none)).toBe(none);
});
