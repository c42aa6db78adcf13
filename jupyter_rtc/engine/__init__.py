"""The media engine: one thread, one event loop, and the only importer of aiortc and aioice."""
