from __future__ import annotations

from rtvi_local.bench.wer_table import rows, table
from tests.bench.wer_results import wer_result


def test_errors_are_counted_by_words_and_not_by_utterances() -> None:
    row = rows([wer_result(words=1, grown_errors=1), wer_result(words=9)])[-1]
    assert row.wer_percent == {"stock": 0.0, "short": 0.0, "grown": 10.0}
    assert row.grown_against_stock[0] == 10.0


def test_each_kind_and_each_length_has_a_line_and_the_last_is_for_all() -> None:
    counted = rows([wer_result(kind="fan"), wer_result(kind="hall", duration_s=12.0, words=20, stock_errors=2)])
    assert [row.kind for row in counted] == ["fan", "hall", "under 4 s", "over 10 s", "all"]
    assert [row.wer_percent["stock"] for row in counted] == [0.0, 10.0, 0.0, 10.0, 100 * 2 / 30]
    assert len(table(counted).splitlines()) == 2 + 5


def test_whether_the_bound_holds_stands_in_every_line() -> None:
    worse = rows([wer_result(kind="fan", words=100, grown_errors=2), wer_result(kind="hall", words=900)])
    bound = {row.kind: "NO" in line for row, line in zip(worse, table(worse).splitlines()[2:], strict=True)}
    assert bound == {"fan": True, "hall": False, "under 4 s": False, "all": False}


def test_the_interval_tells_how_much_depends_on_single_utterances() -> None:
    few = rows([wer_result(grown_errors=number % 5 == 0) for number in range(20)])[-1]
    many = rows([wer_result(grown_errors=number % 5 == 0) for number in range(2000)])[-1]
    for row in (few, many):
        low, high = row.wer_interval["grown"]
        assert low < row.wer_percent["grown"] == 2.0 < high
    assert many.wer_interval["grown"][1] - many.wer_interval["grown"][0] < 0.4
    assert few.wer_interval["grown"][1] - few.wer_interval["grown"][0] > 2.0


def test_the_difference_is_drawn_in_pairs() -> None:
    same = rows([wer_result(stock_errors=number % 3, grown_errors=number % 3) for number in range(30)])[-1]
    assert same.grown_against_stock == (0.0, 0.0, 0.0)
