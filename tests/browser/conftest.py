"""Fixtures for tests in a real JupyterLab and a real browser.

`notebook` is an empty notebook in a fresh page. `new_notebook` makes more of them, also a second page on the
same notebook::

    @pytest.mark.page(permission="denied")          # see chromium.PageOptions
    def test_a_refused_camera_says_so(notebook): ...

    def test_two_pages(notebook, new_notebook):
        second = new_notebook(show=notebook.path)

Server, driver and browsers live as long as the tests of this folder. Playwright's synchronous interface keeps
an event loop on the main thread meanwhile, so a test here cannot be a coroutine.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page

import jupyter_rtc as rtc

from . import firefox as fx
from .chromium import Browsers, PageOptions
from .lab import Notebook
from .other_side import PAGE, TOKEN, Sides
from .server import JupyterLab

_open = pytest.StashKey[list[Notebook]]()
_log_start = pytest.StashKey[int]()


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory, scale: float) -> Iterator[JupyterLab]:
    """Run one JupyterLab server for all tests of this folder."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt("terminated")

    before = signal.signal(signal.SIGTERM, interrupted)  # so that what was started is stopped then, too
    server = JupyterLab(tmp_path_factory.mktemp("lab"))
    try:
        server.start(60 * scale)
        yield server
    finally:
        server.stop()
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="package")
def browsers() -> Iterator[Browsers]:
    """Keep the browsers that the tests of this folder need."""
    running = Browsers()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="package")
def firefox(tmp_path_factory: pytest.TempPathFactory, scale: float) -> Iterator[fx.Firefox]:
    """Run one Firefox for all tests of this folder that need it."""
    if fx.executable() is None:
        pytest.skip("no Firefox: install firefox-esr or firefox")
    running = fx.Firefox(tmp_path_factory.mktemp("firefox"), 60 * scale)
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def chromium_page(request: pytest.FixtureRequest) -> Iterator[Page]:
    context = request.getfixturevalue("browsers").context(PageOptions())
    yield context.new_page()
    context.close()


@pytest.fixture
def firefox_page(request: pytest.FixtureRequest) -> Iterator[fx.FirefoxPage]:
    page = request.getfixturevalue("firefox").new_page()
    yield page
    page.close()


@pytest.fixture(params=["chromium", "firefox"])
def sides(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sides]:
    """Connect nothing yet: a connection of ours, and a page of each browser with one of its own."""
    page = request.getfixturevalue(f"{request.param}_page")
    blank = tmp_path / "blank.html"  # a file may ask for cameras, where about:blank may not
    blank.write_text("<!doctype html>")
    page.goto(blank.as_uri())
    page.evaluate(f"() => {{ {PAGE} }}")
    both = Sides(page)
    yield both
    both.pc.close()


@pytest.fixture
def new_notebook(
    request: pytest.FixtureRequest, lab: JupyterLab, browsers: Browsers
) -> Iterator[Callable[..., Notebook]]:
    """Return a function that opens another notebook; arguments are those of ``@pytest.mark.page``, and:

    show : the path of a notebook on the server, instead of an empty one; ``open`` : a file to copy there;
    context : the page's browser context, to share a profile with another page.
    """
    marker = request.node.get_closest_marker("page")
    defaults = PageOptions(**(marker.kwargs if marker else {}))
    notebooks: list[Notebook] = request.node.stash.setdefault(_open, [])
    request.node.stash[_log_start] = lab.log.stat().st_size
    contexts = []

    def new(*, show: str = "", open: Any = None, context: Any = None, **options: Any) -> Notebook:
        if context is None:
            context = browsers.context(replace(defaults, **options))
            contexts.append(context)
        notebook = Notebook(context.new_page(), lab)
        notebooks.append(notebook)
        if show:
            notebook.show(show)
        elif open:
            notebook.open(open)
        else:
            notebook.create(f"test-{len(notebooks)}.ipynb")
        return notebook

    try:
        yield new
        errors = [error for notebook in notebooks for error in notebook.unexpected_errors()]
    finally:
        for context in contexts:
            context.close()
        for session in lab.request("GET", "/api/sessions"):
            lab.request("DELETE", f"/api/sessions/{session['id']}")
    assert not errors, "errors in the page: name them with notebook.expect_errors() if they belong here\n" + "\n".join(
        errors
    )


@pytest.fixture
def notebook(new_notebook: Callable[..., Notebook]) -> Notebook:
    """Return an empty notebook in a fresh page."""
    return new_notebook()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add to the report of a failed test what its pages and the server show."""
    report = yield
    if report.failed and call.when in ("setup", "call"):
        for number, notebook in enumerate(item.stash.get(_open, []), 1):
            report.sections.append((f"notebook {number}", notebook.describe()))
            try:
                picture = notebook.screenshot(f"{item.nodeid}-{number}")
            except Error as error:
                picture = error
            report.sections.append((f"screenshot {number}", str(picture)))
        if "lab" in getattr(item, "fixturenames", ()) and (server := item.funcargs.get("lab")):
            report.sections.append(("JupyterLab server", server.tail(item.stash.get(_log_start, 0))))
    return report


@pytest.fixture
def server() -> Iterator[rtc.WhipServer]:
    one = rtc.WhipServer(token=TOKEN)
    one.view  # noqa: B018 - shown, it starts
    yield one
    one.close()


@pytest.fixture(params=["chromium", "firefox"])
def page(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"{request.param}_page")
