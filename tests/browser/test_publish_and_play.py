"""Browsers that publish into the kernel and watch what it offers, and two notebooks that connect by pasting texts."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupyter_rtc as rtc

from .chromium import Browsers, PageOptions
from .lab import Notebook
from .media import IMPORTS
from .other_side import LOOK, PAGE, TOKEN, looks_like
from .other_side import page_until as until

# What a page of another site does, by hand.
PUBLISH = """async ({ url, token }) => {
  const stream = paint("#30a040");
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 20));
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" };
  const reply = await fetch(url, { method: "POST", headers, body: pc.localDescription.sdp });
  await pc.setRemoteDescription({ type: "answer", sdp: await reply.text() });
  globalThis.session = new URL(reply.headers.get("Location"), reply.url).href;
  return [reply.status, reply.headers.get("ETag") !== null, reply.headers.get("Accept-Patch")];
}"""


ADDRESS = "() => location.href"
LINE = "() => document.getElementById('line').textContent"


def test_a_page_of_another_site_publishes_into_the_kernel(page: Any, server: rtc.WhipServer, tmp_path: Path) -> None:
    blank = tmp_path / "blank.html"
    blank.write_text("<!doctype html>")
    page.goto(blank.as_uri())
    page.evaluate(f"() => {{ {PAGE} }}")
    where = {"url": f"{server.url}/whip/phone", "token": TOKEN}
    assert page.evaluate(PUBLISH, where) == [201, True, "application/trickle-ice-sdpfrag"]
    looks_like(server.published["phone"].get_video_tracks()[0], "#30a040")


def test_what_is_offered_is_watched_in_a_browser(page: Any, server: rtc.WhipServer) -> None:
    import numpy as np

    server.publish("plot", rtc.NumpyVideoTrack(np.full((240, 320, 3), (200, 40, 60), np.uint8)))
    page.goto(f"{server.url}/#token={TOKEN}")
    link = until(page, "() => document.querySelector('li a')?.href ?? null", bool)
    assert "/watch/plot" in link
    assert page.evaluate(ADDRESS) == f"{server.url}/"  # a token in it would be seen, and copied with it
    page.goto(link)
    until(page, LOOK, lambda seen: seen is not None and abs(seen[0] - 200) < 15 and abs(seen[1] - 40) < 15)
    page.goto(f"{server.url}/")  # it is asked for once
    until(page, "() => document.querySelector('li a')?.href ?? null", bool)
    assert page.evaluate("() => [localStorage.length, sessionStorage.length]") == [0, 1]


def test_the_page_asks_for_the_token(page: Any, server: rtc.WhipServer) -> None:
    server.publish("plot", rtc.TestPattern((320, 240)))
    page.goto(f"{server.url}/watch/plot")
    until(page, LINE, lambda text: text == "The server wants a token.")
    fill = (
        "token => { document.getElementById('token').value = token; document.querySelector('form').requestSubmit(); }"
    )
    page.evaluate(fill, "wrong")
    until(page, LINE, lambda text: text == "The token was refused.")
    assert page.evaluate("() => sessionStorage.length") == 0
    page.evaluate(fill, TOKEN)
    until(page, LOOK, bool)
    assert page.evaluate(ADDRESS) == f"{server.url}/watch/plot"


def test_a_token_in_the_address_is_taken_out_of_it(page: Any, server: rtc.WhipServer) -> None:
    server.publish("plot", rtc.TestPattern((320, 240)))
    page.goto(f"{server.url}/watch/plot#token=wrong")
    until(page, LINE, lambda text: text == "The token was refused.")
    page.goto(f"{server.url}/watch/plot#token={TOKEN}")  # the same page to the browser
    until(page, LOOK, bool)
    assert page.evaluate(ADDRESS) == f"{server.url}/watch/plot"


def test_the_page_says_that_what_it_watches_has_ended(page: Any, server: rtc.WhipServer) -> None:
    track = rtc.TestPattern((320, 240))
    server.publish("plot", track)
    page.goto(f"{server.url}/watch/plot#token={TOKEN}")
    until(page, LOOK, bool)
    until(page, LINE, lambda text: text == "")
    track.stop()
    until(page, LINE, lambda text: text == "It has ended: reload to try again.")
    assert page.evaluate("() => document.getElementById('video').hidden")
    page.goto(f"{server.url}/watch/plot")
    until(page, LINE, lambda text: text == "404: nothing of this name is to be watched here")


def test_a_page_that_is_opened_by_the_machines_name_works_without_a_token(page: Any) -> None:
    server = rtc.WhipServer(host="0.0.0.0")
    try:
        server.start()
        port = server.url.rpartition(":")[2]
        server.publish("plot", rtc.TestPattern((320, 240)))
        page.goto(f"http://{socket.gethostname()}:{port}/")
        link = until(page, "() => document.querySelector('li a')?.href ?? null", bool)
        page.goto(link)
        until(page, LOOK, bool)
        page.goto(f"http://{socket.gethostname()}:{port}/watch/%FF%")
        until(page, LINE, lambda text: text.startswith("404: nothing of this name"))
    finally:
        server.close()


def test_a_page_whose_name_was_made_to_lead_here_learns_nothing(browsers: Browsers) -> None:
    server = rtc.WhipServer()
    context = browsers.context(PageOptions(args=("--host-resolver-rules=MAP rebound.example 127.0.0.1",)))
    page = context.new_page()
    fetched = """async (path) => {
      const reply = await fetch(path, { referrerPolicy: "no-referrer", headers: { "Accept-Language": "" } });
      return [reply.status, await reply.text()];
    }"""
    posted = """async (path) => {
      const headers = { "Content-Type": "application/sdp" };
      return (await fetch(path, { method: "POST", referrerPolicy: "no-referrer", headers, body: "v=0" })).status;
    }"""
    try:
        server.start()
        port = server.url.rpartition(":")[2]
        server.publish("secret-plot", rtc.TestPattern((320, 240)))
        page.goto(f"http://rebound.example:{port}/")
        until(page, LINE, lambda text: text.startswith("403: pages of other sites"))
        status, text = page.evaluate(fetched, "/streams")
        assert status == 403
        assert "secret-plot" not in text
        assert page.evaluate(posted, "/whep/secret-plot") == 403
    finally:
        context.close()
        server.close()


PASTE = "import asyncio\npaste, pc = rtc.CopyPaste(), rtc.PeerConnection()\n"
CONNECT = "connecting = asyncio.create_task(pc.connect(paste, timeout=600))"
BOX = "number => document.querySelectorAll('.jrtc-plain textarea')[number].value"
TYPE = """text => {
  const box = document.querySelectorAll(".jrtc-plain textarea")[1];
  box.focus();
  box.value = text;
  for (const event of ["input", "change"]) box.dispatchEvent(new Event(event, { bubbles: true }));
}"""
# Whether the boxes end within what shows them.
BORDERS = """() => {
  const end = document.querySelector(".jrtc-plain").getBoundingClientRect().right;
  const boxes = [...document.querySelectorAll(".jrtc-plain textarea")];
  return boxes.every((box) => box.getBoundingClientRect().right <= end);
}"""
# A page that is not served securely has none.
NO_CLIPBOARD = "() => Object.defineProperty(navigator, 'clipboard', { value: undefined })"


def test_two_notebooks_are_connected_by_pasting(new_notebook: Callable[..., Notebook]) -> None:
    first, second = new_notebook(), new_notebook()
    first.do(IMPORTS + PASTE + "pc.add_track(rtc.TestPattern((320, 240)))\npaste")
    second.do(IMPORTS + PASTE + "paste")
    for notebook in (first, second):
        notebook.do(CONNECT)
    first.wait_js("() => document.querySelectorAll('.jrtc-plain textarea')[0].value.startsWith('JRTC1')")
    second.js(TYPE, first.js(BOX, 0)[:200])
    second.wait_js("() => document.querySelector('.jrtc-plain').textContent.includes('cut short')")
    second.js(TYPE, first.js(BOX, 0))
    second.wait_js("() => document.querySelectorAll('.jrtc-plain textarea')[0].value.startsWith('JRTC1')")
    first.js(TYPE, second.js(BOX, 0))
    for notebook in (first, second):
        notebook.wait_js("() => document.querySelector('.jrtc-plain').textContent.includes('Connected.')")
    assert second.value("pc.get_receivers()[0].track.read().shape") == [240, 320, 3]
    for notebook in (first, second):
        notebook.do("await connecting\npc.close()")


def copy(source: Notebook, target: Notebook) -> None:
    """Press the button, and paste into the other's lower box, as a person does."""
    source.page.bring_to_front()
    source.page.click(".jrtc-plain button")
    source.wait_js("() => document.querySelector('.jrtc-plain button').textContent === 'Copied'")
    target.page.bring_to_front()
    target.page.locator(".jrtc-plain textarea").nth(1).press("Control+v")


def test_two_people_who_both_do_as_the_box_says_are_connected(new_notebook: Callable[..., Notebook]) -> None:
    """Both send their first text, and both paste the other's."""
    notebooks = [new_notebook(), new_notebook()]
    for notebook in notebooks:
        notebook.do(IMPORTS + PASTE + "pc.add_track(rtc.TestPattern((320, 240)))\npaste")
        notebook.do(CONNECT)
    for notebook in notebooks:
        notebook.wait_js("() => document.querySelectorAll('.jrtc-plain textarea')[0].value.startsWith('JRTC1')")
    firsts = [notebook.js(BOX, 0) for notebook in notebooks]
    notebooks[0].screenshot("copypaste-offered")
    copy(*notebooks)
    notebooks[0].js(TYPE, firsts[1])
    told = "() => /yours is the one|new upper text/.test(document.querySelector('.jrtc-plain').textContent)"
    for notebook in notebooks:
        notebook.wait_js(told)
        assert notebook.js(BORDERS)
    kept = [notebook.js(BOX, 0) == first for notebook, first in zip(notebooks, firsts, strict=True)]
    keeper, other = notebooks if kept[0] else reversed(notebooks)
    assert sorted(kept) == [False, True]
    keeper.screenshot("copypaste-kept")
    other.screenshot("copypaste-answered")
    other.js(NO_CLIPBOARD)
    copy(other, keeper)
    for notebook in notebooks:
        notebook.wait_js("() => document.querySelector('.jrtc-plain').textContent.includes('Connected.')")
        notebook.wait_js("() => ![...document.querySelectorAll('.jrtc-plain textarea')].some((box) => box.offsetWidth)")
        assert notebook.value("pc.get_receivers()[0].track.read().shape") == [240, 320, 3]
    keeper.screenshot("copypaste-connected")
    for notebook in notebooks:
        notebook.do("await connecting\npc.close()")
