import { describe, expect, test } from "vitest";
import { countsOf, numbersOf, pointsOf } from "../src/view/statistics.js";

const incoming = {
  id: "in",
  type: "inbound-rtp",
  kind: "video",
  timestamp: 1000,
  bytesReceived: 1000,
  framesDecoded: 10,
  framesDropped: 1,
  packetsLost: 2,
  jitterBufferDelay: 1,
  jitterBufferEmittedCount: 10,
};
const pair = { id: "p", type: "candidate-pair", nominated: true, currentRoundTripTime: 0.04 };
const outgoing = {
  id: "out",
  type: "outbound-rtp",
  kind: "video",
  timestamp: 1000,
  bytesSent: 500,
  framesSent: 5,
};

describe("statistics", () => {
  test("of what comes, in a second", () => {
    const before = countsOf([incoming, pair]);
    const later = {
      ...incoming,
      timestamp: 2000,
      bytesReceived: 126_000,
      framesDecoded: 40,
      jitterBufferDelay: 2.5,
      jitterBufferEmittedCount: 40,
    };
    const numbers = numbersOf(countsOf([later, pair]), before);
    expect(numbers).toEqual({ fps: 30, delay: 0.02 + 0.05, bitrate: 1_000_000, drops: 3 });
  });

  test("of what goes, with the losses that the other side has told", () => {
    const told = { id: "r", type: "remote-inbound-rtp", localId: "out", packetsLost: 7 };
    const before = countsOf([outgoing, told, pair]);
    const later = { ...outgoing, timestamp: 2000, bytesSent: 125_500, framesSent: 30 };
    expect(numbersOf(countsOf([later, told, pair]), before)).toEqual({
      fps: 25,
      delay: 0.02,
      bitrate: 1_000_000,
      drops: 7,
    });
  });

  test("video counts before sound, what comes before what goes, and what is still is left out", () => {
    const sound = { ...incoming, id: "a", kind: "audio", framesDecoded: undefined };
    expect(countsOf([sound, outgoing]).frames).toBe(5);
    expect(countsOf([outgoing, incoming]).frames).toBe(10);
    expect(countsOf([{ ...incoming, bytesReceived: 0 }, outgoing]).frames).toBe(5);
    expect(countsOf([pair])).toBeUndefined();
    expect(numbersOf(countsOf([sound]), countsOf([sound]))).toEqual({ drops: 3 });
  });

  test("another connection begins afresh", () => {
    const fresh = countsOf([{ ...incoming, timestamp: 2000, bytesReceived: 10 }]);
    expect(numbersOf(fresh, countsOf([incoming]))).toEqual({ drops: 3 });
  });

  test("a line ends at the right, and its highest value is at the top", () => {
    expect(pointsOf([0, 5, 10])).toBe("92.7,19.0 94.4,10.0 96.0,1.0");
  });
});
