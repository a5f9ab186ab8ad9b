from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.engines.llama_plan import Demand, Share, Wish, beside_tokens, plan


def test_a_waiting_reply_keeps_reading_ahead_out_of_its_batch() -> None:
    demands = [Demand(0, Wish.AHEAD, 500), Demand(1, Wish.FIRST_TOKEN, 10)]
    assert plan(demands, alone_tokens=64, beside_tokens=16) == [Share(1, 10)]


def test_a_prompt_beside_an_answer_gets_the_smaller_share() -> None:
    demands = [Demand(0, Wish.FIRST_TOKEN, 500), Demand(1, Wish.NEXT_TOKEN, 1)]
    assert plan(demands, alone_tokens=64, beside_tokens=16) == [Share(1, 1), Share(0, 15)]


def test_waiting_replies_are_served_in_the_order_they_came() -> None:
    demands = [Demand(2, Wish.FIRST_TOKEN, 50), Demand(1, Wish.FIRST_TOKEN, 50)]
    assert plan(demands, alone_tokens=64, beside_tokens=16) == [Share(2, 50), Share(1, 14)]


def test_a_prompt_moves_on_even_if_answers_fill_the_batch() -> None:
    demands = [Demand(number, Wish.NEXT_TOKEN, 1) for number in range(8)] + [Demand(9, Wish.FIRST_TOKEN, 50)]
    assert plan(demands, alone_tokens=64, beside_tokens=8)[-1] == Share(9, 1)


@given(
    st.lists(st.tuples(st.sampled_from(Wish), st.integers(1, 2000)), min_size=1, max_size=9),
    st.integers(16, 512),
    st.integers(4, 16),
)
def test_every_batch_fits_moves_somebody_and_gives_nobody_more_than_asked(
    wishes: list[tuple[Wish, int]], alone: int, beside: int
) -> None:
    demands = [Demand(number, wish, 1 if wish is Wish.NEXT_TOKEN else tokens) for number, (wish, tokens) in enumerate(wishes)]
    shares = plan(demands, alone_tokens=alone, beside_tokens=beside)
    asked = {demand.sequence: demand.tokens for demand in demands}
    assert shares
    assert len({share.sequence for share in shares}) == len(shares)
    assert all(1 <= share.tokens <= asked[share.sequence] for share in shares)
    assert sum(share.tokens for share in shares) <= max(alone, len(demands) + 1)
    answering = {demand.sequence for demand in demands if demand.wish is Wish.NEXT_TOKEN}
    assert answering <= {share.sequence for share in shares}


def test_the_share_beside_an_answer_follows_the_speed_of_the_machine() -> None:
    assert beside_tokens(5.0, step_ms=60, at_most=64) == 12
    assert beside_tokens(0.1, step_ms=60, at_most=64) == 64
    assert beside_tokens(500.0, step_ms=60, at_most=64) == 4
