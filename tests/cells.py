"""The README's cells, taken from its own text: a new one is tested without being listed anywhere."""

from __future__ import annotations

import ast
import re

from tests.conftest import ROOT

CELLS: list[str] = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)

#: What the README takes from the environment.
ENVIRONMENT = {
    "CLOUDFLARE_TURN_KEY_ID": "id",
    "CLOUDFLARE_TURN_KEY_API_TOKEN": "token",
    "TWILIO_ACCOUNT_SID": "sid",
    "TWILIO_AUTH_TOKEN": "token",
    "HF_TOKEN": "token",
}


def needs_a_broker(cell: str) -> bool:
    """Return whether a cell talks to an MQTT broker: those are run in tests/peers, with one."""
    return "Mqtt" in cell


def needs_a_page(cell: str) -> bool:
    """Return whether a cell uses the camera, or what was made of it."""
    names = {node.id for node in ast.walk(_parsed(cell)) if isinstance(node, ast.Name)}
    return bool(names & {"cam", "a", "b"})


def _parsed(cell: str) -> ast.Module:
    return compile(cell, "README.md", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def undefined(cells: list[str]) -> list[str]:
    """Return the names that a cell uses and neither it nor one before it has made."""
    import builtins

    known, missing = set(dir(builtins)), []
    for cell in cells:
        tree = _parsed(cell)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                known |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                known.add(node.name)
            elif isinstance(node, ast.arg):
                known.add(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                known.add(node.id)
        missing += [
            f"{node.id} in {cell.splitlines()[node.lineno - 1].strip()}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in known
        ]
    return missing
