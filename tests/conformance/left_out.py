"""Cases of web-platform-tests that have no translation here, each with the reason."""

from __future__ import annotations

#: "file: case" -> why there is no test of it.
LEFT_OUT: dict[str, str] = {}

# -- tracks, transceivers, senders ---------------------------------------------------------------------------------

_NO_ENCODINGS = "no simulcast: add_transceiver takes no send_encodings"
_ON_THEIR_WAY = "callbacks run on a thread of their own; a call returns when its effects are visible, which is tested"

LEFT_OUT.update(
    {
        "RTCPeerConnection-addTransceiver.https.html: addTransceiver() with rid containing invalid non-alphanumeric "
        "characters should throw TypeError": _NO_ENCODINGS,
        "RTCPeerConnection-addTransceiver.https.html: addTransceiver() with rid longer than 16 characters should "
        "throw TypeError": _NO_ENCODINGS,
        "RTCPeerConnection-addTransceiver.https.html: addTransceiver() with valid rid value should succeed": (
            _NO_ENCODINGS
        ),
        "RTCPeerConnection-addTransceiver.https.html: addTransceiver() with valid sendEncodings should succeed": (
            _NO_ENCODINGS
        ),
        "RTCRtpTransceiver-stop.html: A transceiver added and stopped should not crash when getting receiver's "
        "transport": "no transport objects in the public surface",
        "RTCRtpTransceiver.https.html: checkStop, insertDTMF on stopped transceiver": "no DTMF",
        "RTCRtpTransceiver-setCodecPreferences.html: setCodecPreferences() with modified codecs returned from "
        "getCapabilities() should throw InvalidAccessError": (
            "codecs are named by their MIME type alone; there are no other members to modify"
        ),
        "RTCPeerConnection-setRemoteDescription-tracks.https.html: ontrack fires before setRemoteDescription "
        "resolves.": _ON_THEIR_WAY,
        "RTCPeerConnection-setRemoteDescription-tracks.https.html: stream.onaddtrack fires before "
        "setRemoteDescription resolves.": _ON_THEIR_WAY,
        "RTCPeerConnection-setRemoteDescription-tracks.https.html: stream.onremovetrack fires before "
        "setRemoteDescription resolves.": _ON_THEIR_WAY,
        "RTCPeerConnection-setRemoteDescription-tracks.https.html: track.onmute fires before setRemoteDescription "
        "resolves.": _ON_THEIR_WAY,
        "RTCPeerConnection-onnegotiationneeded.html: task for negotiationneeded event should be enqueued for next "
        "tick": "there are no ticks: a callback that is registered after the call may come too late",
    }
)

# -- descriptions, states, channels, statistics ---------------------------------------------------------------------

_NO_OPTION = "createOffer has no options in API.md: transceivers say it (test_createOffer.py)"
_NO_TRANSPORTS = "no transport objects (RTCSctpTransport, RTCDtlsTransport, RTCIceTransport) in the public surface"
_NO_BLOB = "no Blob and no binaryType: bytes are received as bytes"
_NO_SELECTOR = "get_stats takes no track: RtpSender.get_stats and RtpReceiver.get_stats do it"

LEFT_OUT.update(
    {
        f"RTCPeerConnection-createOffer-offerToReceive.html: {case}": _NO_OPTION
        for case in (
            'createOffer() with offerToReceiveAudio/Video should create a "recvonly" transceiver',
            'offerToReceiveAudio/Video option should be ignored if a non-stopped "recvonly" transceiver exists',
            'offerToReceiveAudio/Video set to false with a track should create a "sendonly" transceiver',
            (
                'offerToReceiveAudio/Video set to false with a "recvonly" transceiver should change the direction to '
                '"inactive"'
            ),
            'offerToReceiveAudio and Video should create two "recvonly" transceivers',
        )
    }
)
LEFT_OUT.update(
    {
        "RTCPeerConnection-close.html: Closing the peer connection should set the SCTP transport to closed": (
            _NO_TRANSPORTS
        ),
        "RTCPeerConnection-iceConnectionState.https.html: Moving bundle-only m-section to another transport": (
            _NO_TRANSPORTS
        ),
        "RTCPeerConnection-addTcpIceCandidate.html: TCP candidate aimed at Fetch bad port {port} ignored": (
            "a rule for web pages, of the Fetch standard; candidates over TCP are not tried at all"
        ),
        "RTCPeerConnection-addTcpIceCandidate.html: TCP addIceCandidate aimed at Fetch bad port 2049 ignored": (
            "a rule for web pages, of the Fetch standard; candidates over TCP are not tried at all"
        ),
        "RTCPeerConnection-constructor.html: { rtcpMuxPolicy: ... }": "no such option: RTCP is always multiplexed",
        "RTCPeerConnection-constructor.html: { certificates: ... }": "no such option: each connection has its own",
        "RTCPeerConnection-constructor.html: { iceCandidatePoolSize: ... }": "no such option in API.md",
        "RTCPeerConnection-constructor.html: { peerIdentity: ... }": "no identity providers",
        "RTCPeerConnection-constructor.html: { credentialType: 'invalid' }": "was taken out of WebRTC 1.0",
        "RTCConfiguration-iceCandidatePoolSize.html": "no such option in API.md",
        "RTCConfiguration-rtcpMuxPolicy.html": "no such option: RTCP is always multiplexed",
        "RTCConfiguration-iceTransportPolicy.html: Changing iceTransportPolicy ... followed by an ICE restart": (
            "wants a TURN server and an ICE restart"
        ),
        "RTCPeerConnection-createDataChannel.html: binaryType default value": _NO_BLOB,
        "RTCPeerConnection-createDataChannel.html: createDataChannel with invalid priority": "no priority in API.md",
        "RTCDataChannel-dcep.html: Channel with priority set to high should be created via DCEP": (
            "no priority in API.md"
        ),
        "RTCDataChannel-dcep.html: maxRetransmits / maxPacketLifeTime=4294967295 clamped to 65535": (
            "[EnforceRange] since then: out of range is a TypeError (test_createDataChannel_with_limit_out_of_range)"
        ),
        "RTCDataChannel-send.html: should be able to send Blob message and receive as ArrayBuffer": _NO_BLOB,
        "RTCDataChannel-send.html: should be able to send ArrayBuffer message and receive as Blob": _NO_BLOB,
        "RTCDataChannel-send.html: binaryType should receive message as Blob / ArrayBuffer by default": _NO_BLOB,
        "RTCDataChannel-send.html: should ignore binaryType and always receive string message as string": _NO_BLOB,
        "RTCDataChannel-send-receive.html: Setting binaryType should throw SyntaxError on unsupported type": _NO_BLOB,
        "RTCDataChannel-send-receive.html: Should be able to transmit an empty Blob": _NO_BLOB,
        "RTCDataChannel-send-receive.html: Sending and receiving 16777216 / 33554432 bytes": (
            "more than 262144 bytes is a TypeError: 1048576 stands for them"
        ),
        "RTCDataChannel-bufferedAmount.html: bufferedAmount should increase to size of blob sent": _NO_BLOB,
        "RTCDataChannel-bufferedAmount.html: bufferedamount returns the same amount if no more data is sent": (
            "the network does not stand still between two lines of Python"
        ),
        "RTCPeerConnection-getStats.https.html: getStats(null) should succeed": _NO_SELECTOR,
        "RTCPeerConnection-getStats.https.html: getStats() with track not added to connection should reject with "
        "InvalidAccessError": _NO_SELECTOR,
        "RTCPeerConnection-getStats.https.html: getStats() with track added via addTrack / addTransceiver should "
        "succeed": _NO_SELECTOR,
        "RTCPeerConnection-getStats.https.html: getStats() with track associated with more than one sender should "
        "reject with InvalidAccessError": _NO_SELECTOR,
        "RTCPeerConnection-getStats.https.html: getStats() with track associated with both sender and receiver "
        "should reject with InvalidAccessError": _NO_SELECTOR,
        "RTCPeerConnection-mandatory-getStats.https.html: members of RTCMediaHandlerStats, sender, receiver, track, "
        "stream": "taken out of webrtc-stats",
        "RTCPeerConnection-mandatory-getStats.https.html: receiverId, senderId, url of a host candidate": (
            "taken out of webrtc-stats, or there only with a STUN or TURN server"
        ),
    }
)
