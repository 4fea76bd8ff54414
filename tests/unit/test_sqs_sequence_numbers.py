"""Sequence numbers: properties over all sequences that the store can count."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from sqs_facade.sequence_numbers import sequence_number
from zaqar_core.domain.ids import SEQUENCE_BITS

#: The store counts in doubles.
LAST = 2**53 - 1
sequences = st.integers(0, LAST) | st.integers(0, 10_000) | st.sampled_from([2**n - 1 for n in range(54)])


@given(sequences)
@example(LAST)
def test_a_number_has_twenty_digits_and_no_zero(sequence: int) -> None:
    number = sequence_number(sequence)
    assert len(number) == 20
    assert number.isascii()
    assert number.isdigit()
    assert "0" not in number


@given(sequences, sequences)
def test_numbers_are_ordered_as_their_sequences(one: int, two: int) -> None:
    """As numbers and as texts."""
    first, second = sequence_number(one), sequence_number(two)
    assert (first < second, first == second) == (one < two, one == two)
    assert (int(first) < int(second), int(first) == int(second)) == (one < two, one == two)


@given(st.integers(0, LAST - 1) | st.integers(0, 10_000))
@example(LAST - 1)
def test_neighbours_are_not_consecutive(sequence: int) -> None:
    assert int(sequence_number(sequence + 1)) - int(sequence_number(sequence)) > 1


def test_the_distance_of_neighbours_varies() -> None:
    numbers = [int(sequence_number(sequence)) for sequence in range(1000)]
    assert len({two - one for one, two in pairwise(numbers)}) > 10


@given(sequences)
def test_numbers_are_greater_than_those_of_earlier_releases(sequence: int) -> None:
    """They rise for readers of an existing queue."""
    assert int(sequence_number(sequence)) > 10**19 + LAST


@given(st.integers(0, 2**SEQUENCE_BITS - 1))
@example(2**SEQUENCE_BITS - 1)
def test_numbers_of_all_sequences_that_have_an_id_fit_into_64_bits(sequence: int) -> None:
    assert int(sequence_number(sequence)) < 2**64


@given(st.integers(0, 10**8))
def test_the_first_digits_do_not_repeat(sequence: int) -> None:
    """No number of a queue's first hundred million messages holds twelve equal digits, as masked account ids do."""
    start = sequence_number(sequence)[:9]
    assert all(one != two for one, two in pairwise(start))


def test_a_number_is_the_same_in_every_release() -> None:
    """Consumers keep numbers, and workers of two releases serve one queue."""
    assert [sequence_number(sequence) for sequence in (0, 1, 2**32, LAST)] == [
        "14362851748263571811", "14362851748263572158", "14362855748263571811", "54362851748263571741",
    ]  # fmt: skip
