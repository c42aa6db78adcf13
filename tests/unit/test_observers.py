"""Observers of traits that are set on threads of ours."""

from __future__ import annotations

import logging

import traitlets

from jupyter_rtc import PeerConnection
from jupyter_rtc.media.observers import Observed


class Lamp(Observed):
    on = traitlets.Bool(False)
    seen = traitlets.List()

    @traitlets.observe("on")
    def _switched(self, change: object) -> None:
        self.seen = [*self.seen, change["new"]]


def test_an_observer_is_called_with_the_change_and_taken_back():
    lamp, changes = Lamp(), []
    lamp.observe(changes.append, "on")
    lamp.on = True
    lamp.unobserve(changes.append, "on")
    lamp.on = False
    assert [(change["name"], change["old"], change["new"], change["owner"]) for change in changes] == [
        ("on", False, True, lamp)
    ]
    assert lamp.seen == [True, False], "observers of the class are called, too"


def test_an_observer_that_is_given_twice_is_called_once():
    lamp, changes = Lamp(), []
    lamp.observe(changes.append, "on")
    lamp.observe(changes.append, "on")
    lamp.on = True
    assert len(changes) == 1
    lamp.unobserve_all("on")
    lamp.on = False
    assert len(changes) == 1


def test_traits_can_be_linked_and_unlinked():
    one, other = Lamp(), Lamp()
    link = traitlets.link((one, "on"), (other, "on"))
    one.on = True
    assert other.on
    link.unlink()
    one.on = False
    assert other.on


def test_the_error_of_an_observer_is_the_users_who_sets_the_trait():
    lamp = Lamp()
    lamp.observe(lambda _change: 1 / 0, "on")
    try:
        lamp.on = True
    except ZeroDivisionError:
        return
    raise AssertionError("it was swallowed")


def test_the_error_of_an_observer_is_logged_where_we_set_the_trait_and_harms_no_other(caplog):
    lamp, changes = Lamp(), []
    lamp.observe(lambda _change: 1 / 0, "on")
    lamp.observe(changes.append, "on")
    with caplog.at_level(logging.ERROR, logger="jupyter_rtc"):
        lamp._tell_trait("on", True)
    assert len(changes) == 1
    assert "an observer of on raised" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_value_that_cannot_be_set_is_logged(caplog):
    lamp = Lamp()
    lamp._tell_trait("on", "perhaps")
    assert "could not be set" in caplog.text
    assert not lamp.on


def test_what_a_connections_observer_raises_is_logged(caplog):
    connection, changes = PeerConnection(), []
    connection.observe(lambda _change: 1 / 0, "signaling_state")
    connection.observe(changes.append, "signaling_state")
    connection.close()
    assert [change["new"] for change in changes] == ["closed"]
    assert caplog.text.count("an observer of signaling_state raised") == 1
