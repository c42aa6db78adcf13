"""The objects of WebRTC 1.0 in the kernel."""
