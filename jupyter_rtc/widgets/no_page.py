"""Why no page has answered, and what helps, in words that are true where they are read."""

from __future__ import annotations

from ..link import kernel, lab

#: Seconds that a wait without end gives a page to make itself heard. With what is polled for it stays below 30.
PATIENCE = 25.0

#: What helps where the page cannot connect before the cell has ended.
NEXT_CELL = (
    "this kernel cannot talk to the page while a cell runs: display the widget in one cell, "
    "and put this in the next cell"
)

IN_MARIMO = (
    "marimo hears of the page only when no cell runs: show the widget in one cell, and read it in a callback "
    "(on_frame, map) or in a cell that is run later, by a mo.ui.run_button or mo.ui.refresh"
)

IN_VOILA = (
    "Voilà shows the page when all cells have been run, so that none of them can wait for it: read in a callback "
    "(on_frame, map) or when a button is pressed"
)

#: There may be a browser all the same, at a front end that we do not know.
NO_BROWSER = (
    "no browser has answered since this kernel started. With nbconvert, papermill or a grader there is none, and then "
    "nothing can be captured or played: open the notebook in JupyterLab, or read a source that needs no browser, such "
    "as TestPattern()"
)


class Shown:
    """Where a widget was shown, as far as the kernel knows.

    Parameters
    ----------
    noun : str
        What the widget is called in a sentence.
    """

    def __init__(self, noun: str) -> None:
        self.noun = noun
        #: Whether a page has shown it.
        self.seen = False
        #: Whether a cell has displayed it. A box that holds it displays it, too, and does not say so.
        self.displayed = False
        self._cell = kernel.this_cell()

    def display(self) -> None:
        """A cell displays it."""
        self.displayed = True
        kernel.note_display()
        self._cell = kernel.this_cell()

    def why_not(self) -> str:
        """Return why no page shows it."""
        if kernel.in_marimo():
            return IN_MARIMO
        if not kernel.in_kernel():
            return "there is no notebook page: this is not a Jupyter kernel"
        if self.seen:
            return f"no page shows the {self.noun} any more: put it on the last line of a cell again"
        if not kernel.has_front_end():
            return NO_BROWSER if self.displayed else f"the {self.noun} is not displayed, and {NO_BROWSER}"
        if kernel.in_voila():
            return IN_VOILA
        if not self.displayed:
            return f"the {self.noun} is not displayed: put it on the last line of a cell"
        lacking = lab.lack()
        if lacking is not None:
            return f"no page can show it: {lacking.text}. {lacking.advice}"
        return "no page has answered yet: the kernel is busy, no browser shows the notebook, or its widgets do not work"

    def in_vain(self, blocking: bool, waited: float, *, patient: bool = False) -> str:
        """Return why it is in vain to wait for a page, or an empty text.

        Parameters
        ----------
        blocking : bool
            The calling thread does nothing else; False: it awaits on its event loop.
        waited : float
            Seconds so far.
        patient : bool
            Whether the wait ends by itself, and may be longer than `PATIENCE` where a page may come.
        """
        if kernel.in_marimo():
            return IN_MARIMO
        if not kernel.handles_messages(blocking, waited):
            cells = kernel.in_kernel() and kernel.has_front_end() and not kernel.in_voila()
            return self._later() if cells else self.why_not()
        in_cell = kernel.cell_waits()
        if in_cell and kernel.in_voila():
            return self.why_not()
        if in_cell and blocking and waited > kernel.SIGN_OF_LIFE and (self.seen or not self.displayed):
            # Nobody can show it while this cell waits, and a box that holds it would have made itself heard.
            return f"{self.why_not()}, and this in the next one" if kernel.has_front_end() else self.why_not()
        if waited > PATIENCE and not self.seen and not (kernel.has_front_end() and (patient or not in_cell)):
            return self.why_not()
        return ""

    def _later(self) -> str:
        """Return what helps where the kernel hears of no page while a cell runs."""
        if self.seen:
            return f"{self.why_not()}, and this in the next one"
        if self._cell == kernel.this_cell():
            return NEXT_CELL
        return (
            f"no page had shown the {self.noun} when this cell began, and this kernel hears of none while a cell runs: "
            f"run this cell again when the {self.noun} is seen in the notebook"
        )
