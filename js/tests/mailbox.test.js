import { describe, expect, test } from "vitest";
// The kernel's mailbox runs the same ones.
import vectors from "../../tests/vectors/mailbox.json";
import { Mailbox } from "../src/mailbox.js";

describe("the mailbox's vectors", () => {
  test("are there", () => {
    expect(vectors.length).toBeGreaterThan(4);
  });

  for (const { name, steps } of vectors) {
    test(name, () => {
      const mailbox = new Mailbox();
      for (const step of steps) {
        if (step.do === "post") mailbox.post(step.message);
        else if (step.do === "envelope") expect(mailbox.envelope()).toEqual(step.expect);
        else if (step.do === "receive") {
          expect(mailbox.receive(step.envelope).map(({ type }) => type)).toEqual(step.expect);
        } else throw new Error(`unknown step ${step.do}`);
      }
    });
  }
});

test("what is unacknowledged is counted", () => {
  const mailbox = new Mailbox();
  mailbox.post({ type: "bye" });
  mailbox.post({ type: "bye" });
  expect(mailbox.unacknowledged).toBe(2);
  mailbox.receive({ ack: 1, messages: [] });
  expect(mailbox.unacknowledged).toBe(1);
});

test("an envelope that was given out does not change afterwards", () => {
  const mailbox = new Mailbox();
  mailbox.post({ type: "bye" });
  const envelope = mailbox.envelope();
  mailbox.post({ type: "bye" });
  expect(envelope.messages).toHaveLength(1);
});
