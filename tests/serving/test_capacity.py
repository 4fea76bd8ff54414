"""What an embedded Valkey may use: the settings store_memory and store_disk_reserve."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from zaqar_core.configuration import sizes
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.embedded import attach, capacity, reserve
from zaqar_core.embedded.capacity import Capacity

MIB = 1 << 20


def limits(root: Path, group: str, files: dict[str, int | str]) -> list[int]:
    """Return the limits that a machine with these control groups has."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(group)
    for name, value in files.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
    return capacity.cgroup_limits(root)


@pytest.mark.parametrize(
    ("text", "found"),
    [("0", 0), ("64M", 64 * MIB), ("1g", 1024 * MIB), ("20000k", 20_000 << 10), (16 * MIB, 16 * MIB),
     ("50%", 500 * MIB), ("2 GiB", 2048 * MIB), ("1%", 16 * MIB)],
)  # fmt: skip
def test_memory_is_bytes_or_a_part_of_the_machine(text: int | str, found: int) -> None:
    assert sizes.parse_memory(text, 1000 * MIB) == found


@pytest.mark.parametrize("text", ["", "-1", "1.5G", "0%", "101%", "1M", "much", "10 000", "60 percent", True])
def test_other_texts_are_no_memory(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="store_memory must"):
        load({"store_memory": text}, {})


@pytest.mark.parametrize("text", ["1k", "5%", "1e9"])
def test_a_reserve_has_a_megabyte_at_least_and_no_percentage(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="must be bytes"):
        load({}, {"SQS_FACADE_STORE_DISK_RESERVE": text})


def test_a_file_may_have_a_number(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text("store_memory = 33554432\nstore_disk_reserve = '32M'")
    found = load({}, {}, tmp_path / "f.toml")
    assert capacity.of(found.store_memory, found.store_disk_reserve) == Capacity(32 * MIB, 32 * MIB)


def test_a_server_of_ones_own_has_limits_of_its_own() -> None:
    with pytest.raises(SettingsInvalid, match="STORE_MEMORY: store_memory is for the embedded Valkey; set maxmemory"):
        load({"redis": "redis://localhost"}, {"SQS_FACADE_STORE_MEMORY": "1G"})


def test_the_control_group_and_those_above_it_limit_the_memory(tmp_path: Path) -> None:
    files: dict[str, int | str] = {"memory.max": "max", "a/memory.max": 300, "a/b/memory.max": 500}
    assert limits(tmp_path, "0::/a/b\n", files) == [300, 500]


def test_the_first_version_of_control_groups_limits_it_too(tmp_path: Path) -> None:
    assert limits(tmp_path, "4:memory:/docker/x\n", {"memory/memory.limit_in_bytes": 700}) == [700]


def test_the_embedded_valkey_gets_its_limit_and_its_reserve(data: Path) -> None:
    for memory, room in (("64M", "2M"), ("0", "1M")):
        embedded = attach(data, durability="fsync", ephemeral=False, store_memory=memory, store_disk_reserve=room)
        try:
            with redis.Redis.from_url(embedded.url) as client:
                assert client.config_get("maxmemory") == {"maxmemory": str(sizes.parse(memory))}
                assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert (data / "reserve").stat().st_size == sizes.parse(room)
        finally:
            embedded.release()


def test_no_reserve_is_kept_where_none_is_wanted(tmp_path: Path) -> None:
    reserve.keep(tmp_path, MIB)
    assert (tmp_path / "reserve").exists()
    reserve.keep(tmp_path, 0)
    assert not (tmp_path / "reserve").exists()


def test_a_spent_reserve_keeps_what_is_left_for_deletions(tmp_path: Path) -> None:
    (tmp_path / "reserve").touch()
    assert reserve.settings(tmp_path, 5)["maxmemory"] == "1"
    (tmp_path / "reserve").unlink()
    assert reserve.settings(tmp_path, 5) == {"maxmemory": "5"}
