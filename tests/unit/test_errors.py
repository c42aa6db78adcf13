"""The tree of errors, as the public surface draws it."""

from __future__ import annotations

import pickle

import pytest

import jupyter_rtc
from jupyter_rtc import errors

TREE = {
    "RtcError": ("Exception", None),
    "InvalidStateError": ("RtcError", RuntimeError),
    "InvalidAccessError": ("RtcError", ValueError),
    "OperationError": ("RtcError", RuntimeError),
    "SdpError": ("RtcError", ValueError),
    "NotSupportedError": ("RtcError", NotImplementedError),
    "ConnectTimeout": ("RtcError", TimeoutError),
    "WrongValueError": ("RtcError", ValueError),
    "CaptureError": ("RtcError", OSError),
    "NotAllowedError": ("CaptureError", PermissionError),
    "NotFoundError": ("CaptureError", None),
    "NotReadableError": ("CaptureError", None),
    "OverconstrainedError": ("CaptureError", None),
    "SecurityError": ("CaptureError", None),
}


@pytest.mark.parametrize("name", TREE)
def test_each_error_has_its_parent_and_its_builtin(name):
    parent, builtin = TREE[name]
    kind = getattr(jupyter_rtc, name)
    assert kind.__bases__[0].__name__ == parent
    assert builtin is None or issubclass(kind, builtin)
    assert kind.__doc__


def test_a_word_that_the_specification_has_not_is_a_type_error_too():
    assert issubclass(errors.WrongValueError, TypeError)


def test_every_error_of_the_module_is_public_and_one_of_ours():
    own = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, BaseException)]
    assert all(issubclass(kind, errors.RtcError) for kind in own)
    assert {kind.__name__ for kind in own} <= set(jupyter_rtc.__all__)


def test_a_connect_timeout_carries_its_report():
    assert errors.ConnectTimeout("no").report == ""
    error = errors.ConnectTimeout("no page", report="what was tried")
    assert (str(error), error.report) == ("no page", "what was tried")


CAPTURE = ("NotAllowedError", "NotFoundError", "NotReadableError", "OverconstrainedError", "SecurityError")


@pytest.mark.parametrize("name", CAPTURE)
def test_a_browsers_error_becomes_its_class_and_keeps_what_the_page_says(name):
    error = errors.capture_error(name, "The page said this")
    assert type(error).__name__ == name
    assert error.name == name
    assert str(error).startswith("The page said this")
    assert getattr(errors, name)("x").name == name


@pytest.mark.parametrize("name", ["NotFoundError", "NotReadableError", "OverconstrainedError"])
def test_where_the_page_does_not_say_what_to_do_the_error_does(name):
    said, _, advice = str(errors.capture_error(name, "The page said this")).partition(": ")
    assert said == "The page said this"
    assert len(advice.split()) > 4


@pytest.mark.parametrize("name", [*CAPTURE, "InvalidStateError"])
def test_a_browsers_error_without_words_has_its_name(name):
    error = errors.capture_error(name, "")
    assert error.name == name
    assert str(error).startswith(name)


def test_an_unknown_name_of_a_browser_is_kept():
    error = errors.capture_error("InvalidStateError", "in use")
    assert type(error) is errors.CaptureError
    assert error.name == "InvalidStateError"
    assert isinstance(error, OSError)


def test_a_capture_error_without_a_name_is_an_abort():
    assert errors.CaptureError("gone").name == "AbortError"
    assert str(errors.CaptureError("gone", name="TypeError")) == "gone"


@pytest.mark.parametrize("name", TREE)
def test_errors_travel_between_processes(name):
    error = pickle.loads(pickle.dumps(getattr(errors, name)("what went wrong")))
    assert type(error).__name__ == name
    assert str(error) == "what went wrong"
