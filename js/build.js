/** Joins the modules into the one script and the one style sheet that the Python package carries. */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
// Another folder may be given, so that a test can compare a fresh build with the committed one.
const target = process.argv[2] ?? here("../jupyter_rtc/static");

const joined = await build({
  absWorkingDir: here("."),
  entryPoints: ["src/index.js"],
  bundle: true,
  write: false,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
// The script travels with every widget, so comments and white space go. Only the lines come back, so that changes of the
// committed script can be read, and merged.
const options = /** @type {const} */ ({ target: "es2022", charset: "utf8" });
const tight = /** @type {const} */ ({ ...options, minifyWhitespace: true });
const bare = await transform(joined.outputFiles[0].text, { ...tight, minifySyntax: true });
const lines = (await transform(bare.code, options)).code;
const readable = lines.replace(/^ +/gm, "");
if ((await transform(readable, tight)).code !== (await transform(lines, tight)).code) {
  throw new Error("a text of several lines has one that begins with spaces: write it otherwise");
}

await mkdir(target, { recursive: true });
await writeFile(`${target}/widget.js`, readable);
await copyFile(here("src/widget.css"), `${target}/widget.css`);
