"""Where `PeerConnection` deviates from what a test says: the test, and why. Each is expected to fail, strictly."""

from __future__ import annotations

_STATS = "getStats has no entries, or not all members, of this type yet"

KNOWN: dict[str, str] = {
    "test_remote_track_ids_are_their_own": "a remote track has the id that the other side gave it, as in browsers",
    "test_section_with_duplicate_msid_rejects": "two sections may name the same track, as add_transceiver twice does",
    "test_connectionState_stays_new_without_remote_candidates": "aiortc begins to check before there is a candidate",
    **{
        f"test_mandatory_type[{kind}]": _STATS
        for kind in ("media-source", "codec", "candidate-pair", "local-candidate", "remote-candidate", "certificate")
    },
    **{
        f"test_mandatory_members[{kind}]": _STATS
        for kind in (
            "inbound-rtp",
            "outbound-rtp",
            "remote-inbound-rtp",
            "remote-outbound-rtp",
            "media-source",
            "codec",
            "transport",
            "candidate-pair",
            "local-candidate",
            "remote-candidate",
            "certificate",
        )
    },
}
