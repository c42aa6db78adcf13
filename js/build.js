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
// The script travels with every widget, so comments go; they go with the white space only, which then comes back.
const options = /** @type {const} */ ({ target: "es2022", charset: "utf8" });
const bare = await transform(joined.outputFiles[0].text, { ...options, minifyWhitespace: true });
const readable = await transform(bare.code, options);

await mkdir(target, { recursive: true });
await writeFile(`${target}/widget.js`, readable.code);
await copyFile(here("src/widget.css"), `${target}/widget.css`);
