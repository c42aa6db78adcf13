"""Where `PeerConnection` deviates from what a test says: the test, and why. Each is expected to fail, strictly."""

from __future__ import annotations

KNOWN: dict[str, str] = {
    "test_remote_track_ids_are_their_own": "a remote track has the id that the other side gave it, as in browsers",
    "test_section_with_duplicate_msid_rejects": "two sections may name the same track, as add_transceiver twice does",
    "test_connectionState_stays_new_without_remote_candidates": "aiortc begins to check before there is a candidate",
}
