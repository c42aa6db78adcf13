/** What is asked of the encoder of the page's camera. */

/**
 * Browsers start low and shrink the picture when they save; in a notebook its size is part of the data.
 * @param {RTCRtpSender} sender
 * @param {MediaStreamTrack} track
 */
export async function preferQuality(sender, track) {
  const parameters = sender.getParameters();
  // Firefox has none until the first negotiation is done.
  if (parameters.encodings.length === 0) return;
  const { height = 480 } = track.getSettings();
  parameters.encodings[0].maxBitrate = height >= 720 ? 4_000_000 : 2_500_000;
  // Not in every browser's (nor in the library's) dictionary: an unknown member is passed over.
  Object.assign(parameters, { degradationPreference: "maintain-resolution" });
  try {
    await sender.setParameters(parameters);
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "NotSupportedError")) throw error;
  }
}
