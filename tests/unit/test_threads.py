"""Threads at the end of the process."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from typing import ClassVar

import pytest

from jupyter_rtc.threads import start_thread

AT_EXIT = """
import atexit, sys
from jupyter_rtc.media.events import Serial
from jupyter_rtc.threads import start_thread

def at_exit():
    print("started", start_thread(lambda: None, "late"), sys.version_info < (3, 12))
    serial = Serial()
    for _ in range(3):
        serial.submit(lambda: None)
    print("end")

atexit.register(at_exit)
"""


def test_a_thread_that_is_asked_for_at_the_end_of_the_process_is_no_error():
    run = subprocess.run([sys.executable, "-W", "error", "-c", AT_EXIT], capture_output=True, text=True, timeout=60)
    assert run.stderr == ""
    assert run.stdout in ("started True True\nend\n", "started False False\nend\n")


def test_a_thread_that_the_system_refuses_is_an_error(monkeypatch):
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        start_thread(lambda: None, "one too many")


def test_a_thread_that_has_ended_leaves_no_notes_in_the_streams_of_ipykernel_6(monkeypatch):
    class Stream(io.StringIO):
        _thread_to_parent: ClassVar = {}
        _thread_to_parent_header: ClassVar = {}

    stream = Stream()
    monkeypatch.setattr(sys, "stdout", stream)
    threads = []

    def run():
        threads.append(threading.current_thread())
        stream._thread_to_parent[threading.get_ident()] = threading.main_thread().ident
        stream._thread_to_parent_header[threading.get_ident()] = "a cell"
        started.set()

    started = threading.Event()
    start_thread(run, "short")
    assert started.wait(10)
    threads[0].join(10)
    assert (stream._thread_to_parent, stream._thread_to_parent_header) == ({}, {})
