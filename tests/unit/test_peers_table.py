"""The tables of the comparison with peers, from given samples."""

from __future__ import annotations

from benchmarks.peers import table
from benchmarks.peers.table import Sample


def _rounds(*rates: float, front: float = 100.0, store: float = 0.0, p99: float = 5.0, errors: int = 0) -> list[Sample]:
    return [Sample(rate, front, store, p99, errors) for rate in rates]


def _cells(text: str, server: str) -> list[str]:
    """Return the cells of the row of a server."""
    [row] = [line for line in text.splitlines() if line.startswith(f"| {server} ")]
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


SAMPLES = {
    "ours": {
        "send": _rounds(9_000, 12_000, 3_000, front=80, store=40, p99=7),
        "receive": _rounds(1, 2, 3, front=60, store=50),
        "delete": _rounds(1, 2, 3, front=40, store=20),
        "busy send": _rounds(1, 2, 3, front=100, store=80),
        "cycle": _rounds(12_000),
        "batch": _rounds(3_000),
        "empty": _rounds(30_000),
    },
    "fast peer": {
        "send": _rounds(10_000, front=150, p99=40),
        "cycle": _rounds(8_000),
        "batch": _rounds(2_000, errors=3),
        "empty": _rounds(20_000),
    },
    "slow peer": {"send": _rounds(1_000, front=700, p99=3.5), "cycle": _rounds(900)},
}
YARDSTICKS = {"bare": {"send": _rounds(20_000, front=40)}, "function": {"send": _rounds(30_000, front=0, store=20)}}


def test_a_figure_is_the_median_of_the_rounds() -> None:
    assert _cells(table.medians(SAMPLES), "ours") == ["9,000", "80 + 40", "7.0", "12,000", "3,000", "30,000"]


def test_cpu_without_a_store_is_one_number() -> None:
    assert _cells(table.medians(SAMPLES), "fast peer")[1] == "150"


def test_a_phase_that_did_not_run_has_an_empty_cell() -> None:
    assert _cells(table.medians(SAMPLES), "slow peer") == ["1,000", "700", "3.5", "900", "", ""]


def test_ratios_are_to_the_best_peer_of_each_column() -> None:
    text = table.ratios(SAMPLES, ["fast peer", "slow peer"])
    # 9,000 of 10,000 sends; 120 of 150 µs; 7 of 3.5 ms, where the slow peer is the best
    assert _cells(text, "ours") == ["0.90", "0.80", "2.00", "1.50", "1.50", "1.50"]
    assert _cells(text, "the best peer") == ["fast peer", "fast peer", "slow peer", *["fast peer"] * 3]


def test_cpu_of_each_operation_is_compared_with_the_yardsticks() -> None:
    text = table.cpu_ratios(SAMPLES | YARDSTICKS, facades=["ours"], bare="bare", functions={"ours": "function"})
    assert _cells(text, "ours") == ["2.00", "1.50", "1.00", "2.00", "2.50", "1.00", "1.50"]


def test_without_a_bare_server_its_ratios_are_empty() -> None:
    text = table.cpu_ratios(SAMPLES | YARDSTICKS, facades=["ours"], bare=None, functions={"ours": "function"})
    assert _cells(text, "ours")[:4] == ["", "", "", "2.00"]


def test_errors_are_listed_by_server_and_phase() -> None:
    assert table.errors(SAMPLES) == ["fast peer: 3 errors in the phase batch"]


def test_all_rows_of_a_table_have_the_same_length() -> None:
    assert len({len(line) for line in table.medians(SAMPLES).splitlines()}) == 1
