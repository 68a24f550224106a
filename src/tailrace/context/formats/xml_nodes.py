"""Floor 2: the part of an XML tree that is read here; lxml has no types of its own.

Rule 1: a tree is walked, never recursed into.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol


class Node(Protocol):
    """An element; `tag` is a function where it is a comment."""

    tag: object
    text: str | None

    def get(self, key: str) -> str | None:
        """An attribute."""
        ...

    def iterchildren(self) -> Iterator["Node"]:
        """The elements directly below."""
        ...


def local(name: object) -> str:
    """A tag's or attribute's name without its namespace; "" for what is no element."""
    return name.rpartition("}")[2] if isinstance(name, str) else ""


def below(node: Node, unseen: frozenset[str]) -> Iterator[Node]:
    """All elements below, in the order of the document, but for those in `unseen`."""
    waiting: list[Iterator[Node]] = [node.iterchildren()]
    while waiting:
        child = next(waiting[-1], None)
        if child is None:
            waiting.pop()
        elif local(child.tag) not in unseen:
            yield child
            waiting.append(child.iterchildren())


def child(node: Node | None, *path: str) -> Node | None:
    """The first element along a path of names."""
    for name in path:
        if node is None:
            return None
        node = next((each for each in node.iterchildren() if local(each.tag) == name), None)
    return node


def value(node: Node | None, namespace: str) -> str:
    """An element's `val` attribute; "" without one."""
    return (node.get(f"{{{namespace}}}val") or "") if node is not None else ""


def joined(pieces: Iterable[str]) -> str:
    """Pieces of a line as one, with single spaces."""
    return " ".join("".join(pieces).split())
