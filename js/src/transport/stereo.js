/** Sound in two channels: Chromium decodes one, unless its own description says that it wants two (RFC 7587, 6.1). */

/**
 * @param {string} sdp An offer of the browser's.
 * @returns {string} The same, with Opus in stereo both ways.
 */
export function inStereo(sdp) {
  const numbers = [...sdp.matchAll(/^a=rtpmap:(\d+) opus\//gim)].map(([, number]) => number);
  return sdp.replace(/^a=fmtp:(\d+) ([^\r\n]*)/gm, (line, number, parameters) => {
    if (!numbers.includes(number)) return line;
    const said = parameters.split(";").map((/** @type {string} */ one) => one.trim().split("=")[0]);
    const missing = ["stereo", "sprop-stereo"].filter((name) => !said.includes(name));
    return [line, ...missing.map((name) => `${name}=1`)].join(";");
  });
}
