"""A button that copies a text: the one thing that plain ipywidgets cannot do."""

from __future__ import annotations

import anywidget
import traitlets

#: Pages that are not served securely have no clipboard: there, what is selected in a field is copied.
_SCRIPT = """
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    button.after(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
export default {
  render({ model, el }) {
    const button = document.createElement("button");
    button.className = "jupyter-widgets jupyter-button widget-button";
    button.textContent = "Copy";
    button.title = "Copy the upper text";
    button.onclick = async () => {
      const done = await copy(model.get("text"), button);
      button.textContent = done ? "Copied" : "Copy it by hand";
    };
    model.on("change:text", () => { button.textContent = "Copy"; });
    el.append(button);
  },
};
"""


class CopyButton(anywidget.AnyWidget):
    """A button that copies `text` to the clipboard of whoever presses it."""

    _esm = _SCRIPT
    text = traitlets.Unicode("").tag(sync=True)
