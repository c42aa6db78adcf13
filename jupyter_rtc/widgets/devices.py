"""A page's cameras and microphones: which there are, and which one is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from ..errors import CaptureError, capture_error
from ..link.messages import Message
from ..media.track import Kind
from .capturing import CaptureWidget
from .constraints import Constraints, find_device, is_device


class DeviceWidget(CaptureWidget):
    """Captures by getUserMedia.

    Parameters
    ----------
    constraints : dict of kind to bool or dict
        Checked.
    device : str or None
        The label of a device, a part of it, or its deviceId.
    """

    _asking = "the browser is asking for permission: allow it in the page"

    #: Dicts with ``deviceId``, ``kind`` and ``label``; known once the permission was given.
    devices: traitlets.List[dict[str, Any]] = traitlets.List()
    #: The deviceId in use; may be set to another's id, label, or part of the label, also while live.
    device = traitlets.Unicode("")

    def __init__(
        self, constraints: Mapping[Kind, Constraints], *, device: str | None, autostart: bool, **traits: Any
    ) -> None:
        if device is not None and not isinstance(device, str):
            raise TypeError(f"device is a label, a part of one, or a deviceId, not {type(device).__name__}")
        self._constraints: dict[Kind, Any] = dict(constraints)
        # What the user has chosen, by any name. A deviceId means nothing to another browser: each page has its list.
        self._wanted_device = device or ""
        self._page_devices: dict[str, list[Message]] = {}
        kinds = [kind for kind, wanted in constraints.items() if wanted]
        super().__init__(kinds, autostart=autostart, device=device or "", **traits)
        self._told["device"] = device or ""
        self.observe(self._device_set, "device")

    def _track_label(self, kind: Kind) -> str:
        return "camera" if kind == "video" else "microphone"

    @property
    def _main_kind(self) -> Kind:
        """The kind whose device is chosen."""
        return "audio" if self._video is None else "video"

    def _track_stopped(self) -> None:
        live = {track.kind for track in self.stream.get_tracks() if track._is_wanted}
        with self._lock:
            client, state = self._owner, self._told["state"]
            dropped = {kind for kind, wanted in self._constraints.items() if wanted} - live
            self._constraints.update(dict.fromkeys(dropped, False))
            if client is not None and state in ("live", "starting") and live and dropped:
                self._command_start(client)
        super()._track_stopped()

    def _wish(self, client: str) -> dict[str, Any]:
        wish: dict[str, Any] = {}
        for kind, constraints in self._constraints.items():
            if constraints:
                wish[kind] = dict(constraints) if isinstance(constraints, Mapping) else {}
        device = self._device_of(client)
        if device is not None:
            wish[self._main_kind]["deviceId"] = {"exact": device}
        return wish

    def _device_of(self, client: str) -> str | None:
        """Return the wanted device's id in a page, if that page knows it."""
        return find_device(self._page_devices.get(client, []), self._main_kind, self._wanted_device)

    def _device_set(self, change: Any) -> None:
        """Switch over, where the user has set `device`."""
        client, name = self._owner, change["new"]
        if name == self._told["device"]:
            return  # that was us
        if self.state == "live" and client is not None:
            devices = [d for d in self._page_devices.get(client, []) if d["kind"] == self._main_kind]
            if find_device(devices, self._main_kind, name) is None:
                self._tell(error=self._no_device(name))
                return
            self._wanted_device = name
            self._command_start(client)
        else:
            self._wanted_device = self._told["device"] = name

    def _no_device(self, name: str) -> str:
        return f"there is no device {name!r}: see the {self._noun}'s devices"

    def _page_state(self, client: str, state: str) -> None:
        """A page is connected or gone: with its page, the device is off."""
        if state == "gone":
            with self._lock:
                self._page_devices.pop(client, None)
        super()._page_state(client, state)

    def _heard(self, client: str, message: Message) -> None:
        devices = [d for d in message.get("devices") or [] if is_device(d)]
        if devices:
            self._page_devices[client] = devices
            self._tell(devices=devices)

    def _learnt(self, client: str, message: Message) -> dict[str, Any]:
        device = str(message.get("device") or "")
        if message["by"] == "page":
            labels = {d["deviceId"]: d["label"] for d in self._page_devices.get(client, [])}
            self._wanted_device = labels.get(device) or device
        return {"device": device}

    def _went_live(self, client: str, message: Message) -> None:
        wanted = self._device_of(client)
        if self._wanted_device and wanted is None:
            self._tell(error=self._no_device(self._wanted_device))
        elif wanted not in (None, str(message.get("device") or "")):
            # It could be looked up by its label only now, with the permission.
            self._command_start(client)

    def _capture_failed(self, name: str, message: str) -> CaptureError:
        return capture_error(name, message)
