// @vitest-environment node
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const committed = resolve(root, "../jupyter_rtc/static");
let fresh;

beforeAll(() => {
  fresh = mkdtempSync(join(tmpdir(), "widget-"));
  execFileSync(process.execPath, [join(root, "build.js"), fresh]);
});
afterAll(() => rmSync(fresh, { recursive: true }));

for (const name of ["widget.js", "widget.css"]) {
  test(`the package's ${name} is what the sources give`, () => {
    expect(readFileSync(join(committed, name), "utf8")).toBe(readFileSync(join(fresh, name), "utf8"));
  });
}

test("the script is small, for it travels with every widget", () => {
  expect(readFileSync(join(fresh, "widget.js")).length).toBeLessThan(80_000);
});

test("the script loads nothing and leaves nothing behind", () => {
  const script = readFileSync(join(fresh, "widget.js"), "utf8");
  expect(script).not.toMatch(/\bimport\b|\bfetch\(|console\.|window\.|https?:\/\/(?!www\.w3\.org)/);
});
