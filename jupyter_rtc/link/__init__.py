"""The kernel's side of a page: messages, and one session with a connection for each page."""
