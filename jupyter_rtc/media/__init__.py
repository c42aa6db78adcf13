"""Pictures and sound: no network, no aiortc objects."""
