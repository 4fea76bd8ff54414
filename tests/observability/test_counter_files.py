"""Files of counters: what one process counts, all processes read, also after it was killed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from zaqar_core.core.traffic import Event
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Pauses
from zaqar_core.observability import counter_file, counting, queue_rows
from zaqar_core.observability.counter_file import CounterFile, CounterFiles
from zaqar_core.observability.counting import NodeCounting, queue_key
from zaqar_core.observability.folders import created


def _count(file: CounterFile, key: bytes, number: int) -> None:
    file.cells[file.row(key, 3) + 1] += number


def test_the_sum_of_all_files_is_read(tmp_path: Path) -> None:
    first, second = CounterFiles(tmp_path / "new"), CounterFiles(tmp_path / "new")
    for files, number in ((first, 2), (second, 3)):
        _count(files.claim(), b"a\0b", number)
    for files in (first, second):
        assert files.total(b"a\0b") == [0, 5, 0]
        assert files.total(b"a\0c") == []


def test_a_row_that_is_added_later_is_found(tmp_path: Path) -> None:
    writer, reader = CounterFiles(tmp_path), CounterFiles(tmp_path)
    file = writer.claim()
    assert reader.total(b"late") == []
    for length in range(20):
        _count(file, b"k" * length, length)
    for length in range(20):
        assert reader.total(b"k" * length) == [0, length, 0]


def test_other_tasks_run_while_many_new_rows_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of all processes are new to a worker that is scraped for the first time."""
    writer, reader, known = CounterFiles(tmp_path), CounterFiles(tmp_path), list[int]()
    file = writer.claim()
    for number in range(1000):
        _count(file, b"a\0" + b"%d" % number, number)
    monkeypatch.setattr(
        Pauses, "step", lambda _: known.append(sum(map(len, reader._readers["counters-0"].rows.values())))
    )
    reader.catch_up()
    assert len(known) == 20
    assert max(after - before for before, after in pairwise([0, *known])) == 50
    _count(file, b"a\0later", 1)
    assert reader.total(b"a\0later") == [0, 1, 0]
    assert len(known) == 20


def test_two_tasks_may_read_new_rows_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, reader, pauses = CounterFiles(tmp_path), CounterFiles(tmp_path), list[int]()
    file = writer.claim()
    for number in range(200):
        _count(file, b"a\0" + b"%d" % number, number)

    def pause(_: Pauses) -> None:
        pauses.append(1)
        if len(pauses) == 2:
            assert reader.total(b"a\0" + b"199") == [0, 199, 0]  # the other one reads all

    monkeypatch.setattr(Pauses, "step", pause)
    reader.catch_up()
    _count(file, b"b", 1)
    assert reader.total(b"b") == [0, 1, 0]
    assert reader.total(b"a\0" + b"150") == [0, 150, 0]


def test_the_room_of_a_new_file_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, written = os.pwrite, list[int]()

    def noted(descriptor: int, data: bytes, offset: int) -> int:
        written.append(len(data))
        return write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", noted)
    CounterFiles(tmp_path).claim()
    assert written == [256 << 10]


def test_a_killed_process_leaves_its_counters_to_the_next_one(tmp_path: Path) -> None:
    reader, (ready, reached) = CounterFiles(tmp_path), os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        _count(CounterFiles(tmp_path).claim(), b"a", 7)
        os.write(reached, b".")
        signal.pause()
    os.read(ready, 1)
    assert reader.total(b"a") == [0, 7, 0]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(reached)
    _count(CounterFiles(tmp_path).claim(), b"a", 1)
    assert reader.total(b"a") == [0, 8, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["counters-0"]


def test_a_row_that_was_not_finished_does_not_exist(tmp_path: Path) -> None:
    file = CounterFiles(tmp_path).claim()
    _count(file, b"whole", 1)
    at = file.row(b"torn", 3)
    file.cells[at] = 5
    file.cells[at - 2] = 0  # the word that is written last
    other = CounterFiles(tmp_path)
    assert other.total(b"torn") == []
    assert other.total(b"whole") == [0, 1, 0]


def test_a_full_file_takes_no_more_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter_file, "_WORDS", 64)
    file = CounterFiles(None).claim()
    rows = [file.row(str(number).encode(), 3) for number in range(20)]
    assert rows[:2] == [10, 15]
    assert rows[-1] == -1
    assert file.row(b"0", 3) == rows[0]


def test_a_full_disk_takes_no_more_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter_file, "_STEP_WORDS", 16)
    files = CounterFiles(tmp_path)
    file = files.claim()
    assert file.row(b"a", 3) > 0

    def full(descriptor: int, data: bytes, offset: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert file.row(b"b", 30) == -1
    assert files.total(b"a") == [0, 0, 0]


def test_the_folder_of_a_service_is_removed_at_its_end_and_after_a_kill() -> None:
    with created() as folder:
        assert folder is not None
        abandoned = folder.with_name("sqs-facade-metrics-abandoned")
        abandoned.mkdir()
        (abandoned / "owner").touch()
        with created() as other:
            assert other is not None
            assert folder.exists()
            assert not abandoned.exists()
    assert not folder.exists()
    assert not other.exists()


def test_without_room_for_the_first_rows_a_process_counts_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write to a file that the disk has no room for would kill the process."""

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "pwrite", fail)
    files = CounterFiles(tmp_path)
    file = files.claim()
    assert file.is_private
    _count(file, b"key", 1)
    assert files.total(b"key") == [0, 1, 0]


def test_a_queue_is_forgotten_although_the_folder_was_removed(tmp_path: Path) -> None:
    files, ref = CounterFiles(tmp_path / "cleaned"), QueueRef("000000000000", "us-east-1", "q")
    node = NodeCounting(files)
    node.count(ref, Event.SENT, 3)
    shutil.rmtree(tmp_path / "cleaned")
    node.forget(ref)
    assert not any(files.total(queue_key(ref)))


def _fill_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Let every file have so many bytes. A write of more stores a part, as file systems do; the next one fails."""
    write = os.pwrite

    def limited(descriptor: int, data: bytes, offset: int) -> int:
        if offset >= room:
            raise OSError(errno.ENOSPC, "no room")
        return write(descriptor, data[: room - offset], offset)

    monkeypatch.setattr(os, "pwrite", limited)


def test_a_full_disk_that_takes_a_part_of_a_new_file_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill_disk(monkeypatch, 64 << 10)
    files = CounterFiles(tmp_path)
    file = files.claim()
    assert file.is_private
    _count(file, b"a", 1)
    assert files.total(b"a") == [0, 1, 0]
    assert [path.stat().st_size for path in tmp_path.glob("counters-*")] == [0]
    monkeypatch.undo()
    assert not CounterFiles(tmp_path).claim().is_private


def test_a_full_disk_that_takes_a_part_of_a_step_ends_the_file_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill_disk(monkeypatch, 400 << 10)
    file = CounterFiles(tmp_path).claim()
    rows = [row for number in range(2_000) if (row := file.row(b"%d" % number, 30)) >= 0]
    assert max(rows) + 30 < 32 << 10
    assert len(rows) > 900


def test_a_file_of_another_layout_is_neither_claimed_nor_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was left in a folder that is kept by a release whose counters mean something else."""
    with monkeypatch.context() as before:
        before.setattr(counter_file, "_MAGIC", 0x31302E53544E4353)
        _count(CounterFiles(tmp_path).claim(), b"a", 7)
    new = CounterFiles(tmp_path)
    _count(new.claim(), b"a", 1)
    assert new.total(b"a") == [0, 1, 0]
    with monkeypatch.context() as before:
        before.setattr(counter_file, "_MAGIC", 0x31302E53544E4353)
        assert CounterFiles(tmp_path).total(b"a") == [0, 7, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counters-0", "counters-1"]


def test_the_magic_number_changes_with_the_layout() -> None:
    """If this fails, files of earlier releases would be misread: give ``_MAGIC`` another version, then correct it."""
    layout = (counting.LATENCIES, Event.NUMBER, queue_rows.SIZES, queue_rows.TAKEN, queue_rows.WIDTH)
    bounds = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
    assert (counter_file._MAGIC.to_bytes(8, "little"), layout) == (b"SCNTS.02", (bounds, 9, 9, (0, 1, 3, 2, 9), 18))


def test_a_folder_that_another_service_removes_while_it_starts_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, removed = fcntl.flock, list[Path]()

    def locked(descriptor: int, operation: int) -> None:
        if not removed and operation == fcntl.LOCK_EX:
            folder = Path(f"/proc/self/fd/{descriptor}").readlink().parent
            removed.append(folder)
            shutil.rmtree(folder)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", locked)
    with created() as folder:
        assert folder is not None
        assert folder.exists()
        assert removed != [folder]
