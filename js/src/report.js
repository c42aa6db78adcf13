/** Why this page is or is not connected, as text for somebody who is to help. */

/** Of RTCStats. @typedef {{type: string, id: string} & Record<string, any>} Entry */

/**
 * @param {object} page
 * @param {string} page.sentence What the view says.
 * @param {string} page.link
 * @param {Iterable<Entry>} page.entries The browser's statistics.
 * @param {string} page.kernel The kernel's own report; empty: none came.
 */
export function describe({ sentence, link, entries, kernel }) {
  const all = [...entries];
  const byId = new Map(all.map((entry) => [entry.id, entry]));
  const ends = (/** @type {string} */ id) => candidate(byId.get(id));
  const lines = [
    `jupyter_rtc, ${new Date().toISOString()}`,
    `shown: ${sentence}`,
    `page: ${globalThis.location?.origin}, ${navigator.userAgent}`,
    `link: ${link}${globalThis.isSecureContext ? "" : ", not a secure context: no camera"}`,
    "",
    ...section("addresses of the page", all.filter(({ type }) => type === "local-candidate").map(candidate)),
    ...section(
      "addresses of the kernel",
      all.filter(({ type }) => type === "remote-candidate").map(candidate),
    ),
    ...section(
      "ways that were tried",
      all
        .filter(({ type }) => type === "candidate-pair")
        .map(
          ({ localCandidateId, remoteCandidateId, state, requestsSent = 0, responsesReceived = 0 }) =>
            `${ends(localCandidateId)} → ${ends(remoteCandidateId)}: ${state}, ` +
            `${responsesReceived} of ${requestsSent} checks answered`,
        ),
    ),
    "the kernel says:",
    kernel || "  nothing: no answer in time",
  ];
  return lines.join("\n");
}

/**
 * @param {string} title
 * @param {string[]} lines
 */
function section(title, lines) {
  return [`${title}:`, ...(lines.length > 0 ? lines : ["none"]).map((line) => `  ${line}`), ""];
}

/** @param {Entry | undefined} entry */
function candidate(entry) {
  if (!entry) return "?";
  // Browsers hide their own address until there is a permission to use the camera.
  return `${entry.address || "(hidden)"}:${entry.port} (${entry.candidateType}, ${entry.protocol})`;
}

/**
 * Into the clipboard, also where the page is no secure context.
 * @param {string} text
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("the browser does not let it be copied");
  }
}
