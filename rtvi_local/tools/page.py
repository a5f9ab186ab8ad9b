"""The client's page (`ui-snapshot`) as a model reads it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtvi_local.tools.tool import ToolError

if TYPE_CHECKING:
    from rtvi_local.rtvi.messages.from_client import UiNode, UiTree

_MOST_CHARS = 4000
"""About a quarter of the default model's window."""
_MOST_VALUE_CHARS = 200


def outline(tree: UiTree) -> str:
    """One element a line, indented as they are nested: its role, name, value, state and what it is called in commands."""
    lines, room = list[str](), _MOST_CHARS
    for node, depth in nodes(tree.root):
        line = f"{'  ' * depth}{_described(node)}"
        room -= len(line) + 1
        if room < 0:
            lines.append("(and more, which is left out)")
            break
        lines.append(line)
    if tree.selection is not None and tree.selection.text:
        lines.append(f"Selected in {tree.selection.ref}: {tree.selection.text[:_MOST_VALUE_CHARS]}")
    return "\n".join(lines)


def nodes(node: UiNode, depth: int = 0) -> Iterator[tuple[UiNode, int]]:
    """Every element in the order of the page, and how deep it lies."""
    yield node, depth
    for child in node.children or ():
        yield from nodes(child, depth + 1)


def checked_ref(tree: UiTree | None, ref: object) -> str:
    """Raises ToolError for what is no element of this page: the model made it up, or the page is another by now."""
    found = next((node.ref for node, _ in nodes(tree.root) if node.ref == ref), None) if tree is not None else None
    if found is None:
        raise ToolError(f"There is no element {str(ref)[:60]!r} on the page. Read the page anew.")
    return found


def _described(node: UiNode) -> str:
    value = "" if node.value in (None, "") else f" = {str(node.value)[:_MOST_VALUE_CHARS]}"
    name = f' "{node.name[:_MOST_VALUE_CHARS]}"' if node.name else ""
    state = f" ({', '.join(node.state)})" if node.state else ""
    return f"{node.role}{name}{value}{state} [{node.ref}]"
