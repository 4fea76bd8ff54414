"""The fenced blocks of a document, and what the comments before them say about their test.

A comment in the line before a block, which no reader sees, is one of::

    <!-- docs-test: skip REASON -->     do not run the block; REASON says why it cannot be run
    <!-- docs-test: file NAME -->       write the block to a file instead of running it
    <!-- docs-test: output -->          the block is what the block before it prints; … stands for any text
    <!-- docs-test: fails CODE -->      the last command of the block ends with this exit code

Two more stand anywhere::

    <!-- docs-test: skip-page REASON -->
    <!-- docs-test: setup
    shell commands that a reader needs not see, run before the next block
    -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARK = re.compile(r"<!--\s*docs-test:\s*(?P<verb>[a-z-]+)\s*(?P<rest>.*?)\s*-->", re.DOTALL)
_VERBS = ("skip", "skip-page", "file", "output", "fails", "setup")


class MarkInvalid(Exception):
    """A comment for the tests that is not one of those above."""


@dataclass(frozen=True)
class Block:
    """A block, or commands of a ``setup``. ``mark`` and ``argument`` are the words of the comment before it."""

    line: int
    language: str
    text: str
    mark: str = ""
    argument: str = ""


def of_page(page: Path) -> tuple[list[Block], str]:
    """Return the blocks of a page, and the reason why none of them can be run; "" without one.

    Raises MarkInvalid.
    """
    blocks = list(_blocks(page))
    whole = [block.argument for block in blocks if block.mark == "skip-page"]
    return [block for block in blocks if block.mark != "skip-page"], whole[0] if whole else ""


def _blocks(page: Path) -> Iterator[Block]:
    mark = argument = ""
    for token in MarkdownIt("commonmark").parse(page.read_text()):
        if token.type == "fence":
            yield Block(_line(token), token.info.strip(), token.content, mark, argument)
            mark = argument = ""
        elif token.type == "html_block":
            for found in _MARK.finditer(token.content):
                verb, rest = found["verb"], found["rest"]
                if verb not in _VERBS or (verb != "output" and not rest):
                    raise MarkInvalid(f"{page.name}:{_line(token)}: {found[0]}")
                if verb in ("setup", "skip-page"):
                    yield Block(_line(token), "setup", f"{rest}\n", verb, rest)
                else:
                    mark, argument = verb, rest
        elif token.type not in ("paragraph_open", "paragraph_close") or mark:
            mark = argument = ""


def _line(token: Token) -> int:
    assert token.map is not None
    return token.map[0] + 1
