/** Sound in two channels: Chromium decodes one, unless its own description says that it wants two (RFC 7587, 6.1). */

/**
 * @param {string} sdp An offer of the browser's.
 * @returns {string} The same, with Opus in stereo both ways.
 */
export function inStereo(sdp) {
  const numbers = [...sdp.matchAll(/^a=rtpmap:(\d+) opus\//gim)].map(([, number]) => number);
  return sdp.replace(/^a=fmtp:(\d+) ([^\r\n]*)/gm, (line, number, parameters) => {
    if (!numbers.includes(number)) return line;
    // Firefox says what it wants, and takes its own descriptions best as they are.
    return /\bstereo=/.test(parameters) ? line : `${line};stereo=1;sprop-stereo=1`;
  });
}
