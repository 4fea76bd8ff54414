"""Lines are written by a thread: whoever does not read them delays nobody."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator

import pytest

from tests.patience import until
from zaqar_core.logs.writer import MOST_WAITING, Writer

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def new(descriptor: int) -> Writer:
    return Writer(descriptor, lambda count: f"lost {count}\n".encode(), lambda: None)


def test_lines_are_written_in_their_order(pipe: Pipe) -> None:
    writer = new(pipe[1])
    for number in range(300):
        writer.put(b"line %d\n" % number, is_urgent=number % 2 == 0)
    writer.close()
    assert os.read(pipe[0], 65536) == b"".join(b"line %d\n" % number for number in range(300))


def test_a_full_pipe_delays_nobody_and_lines_beyond_the_bound_are_counted(pipe: Pipe) -> None:
    writer = new(pipe[1])
    line = b"x" * 999 + b"\n"
    for _ in range(MOST_WAITING + 2_000):
        writer.put(line)
    kept = lost = 0
    with os.fdopen(os.dup(pipe[0]), "rb") as reader:
        while kept + lost < MOST_WAITING + 2_000:
            found = reader.readline()
            if found == line:
                kept += 1
            else:  # the thread may have nothing to write, and report, while lines are still put
                lost += int(found.removeprefix(b"lost "))
    writer.close()
    assert kept + lost == MOST_WAITING + 2_000
    assert lost >= 1_000  # the pipe and the thread took some


def test_a_reader_that_went_away_ends_nothing(pipe: Pipe) -> None:
    reader, other = os.pipe()
    os.close(reader)
    writer = new(other)
    writer.put(b"nobody reads this\n")
    until(lambda: writer.dropped == 1, "the line is counted")
    writer.close()
    os.close(other)


def test_a_pipe_that_another_program_made_non_blocking_loses_no_line(pipe: Pipe) -> None:
    if sys.platform == "linux":
        fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(pipe[1], False)
    writer = new(pipe[1])
    for _ in range(100):
        writer.put(b"x" * 99 + b"\n")
    found = b""
    while len(found) < 10_000:
        found += os.read(pipe[0], 4096)
    writer.close()
    assert found.count(b"\n") == 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_lines_of_its_own(pipe: Pipe) -> None:
    writer = new(pipe[1])
    writer.put(b"parent\n")
    until(lambda: not writer._lines, "written")
    child = os.fork()
    if child == 0:
        writer.put(b"child\n")
        writer.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer.close()
    assert os.read(pipe[0], 4096) == b"parent\nchild\n"
