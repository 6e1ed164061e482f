"""Who is missed when silent."""

from __future__ import annotations

from chaos.rehearsal.watched import Twice


def test_one_silence_is_a_nap_and_two_are_an_end() -> None:
    """A runner that was stopped finds everybody silent once; what they said is read by the next look."""
    answers = iter([True, False, True, False, False, False])
    test = Twice(lambda: next(answers))
    assert [test() for _ in range(6)] == [True, True, True, True, False, False]
