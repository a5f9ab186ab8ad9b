from __future__ import annotations

import numpy as np

from rtvi_local.engines.wake_second_look import FAINT, Features, SecondLook, higher, slower


class Model:
    """Is certain of a word that ends where nothing but silence follows at once: step 200 of the stream, marked in band 10."""

    def __init__(self) -> None:
        self.asked = 0
        self._marked = False
        self._steps = 0

    def process_streaming_prob(self, step: Features) -> float:
        self.asked += 1
        self._steps += 1
        was_marked, self._marked = self._marked, bool(step[..., 10:13].any())
        return 1.0 if was_marked and not step.any() else 0.0

    def reset(self) -> None:
        self._marked = False

    def close(self) -> None:
        pass


def stream() -> list[Features]:
    steps = [np.ones((1, 1, 40)) for _ in range(400)]
    for step in steps:
        step[..., 10:13] = 0
    steps[200][..., 10] = 1
    return steps


def found_at(faint_from: int) -> tuple[list[int], int]:
    model = Model()
    look = SecondLook(model)  # type: ignore[arg-type]
    found = [i for i, step in enumerate(stream()) if look.push(step, FAINT if i == faint_from else 0.0)]
    return found, model.asked


def test_nothing_is_looked_at_while_the_stream_is_not_even_faintly_sure() -> None:
    assert found_at(-1) == ([], 0)


def test_a_word_is_found_at_its_end_when_the_stream_becomes_faintly_sure_soon_after() -> None:
    found, _ = found_at(230)
    assert found
    assert 230 <= found[0] <= 250, "one place is looked at with each step"


def test_what_was_said_long_before_is_not_looked_at() -> None:
    found, asked = found_at(300)
    assert not found
    assert asked


def test_slower_lasts_longer_and_higher_moves_every_band_up() -> None:
    steps = [np.full((1, 1, 40), float(i)) for i in range(80)]
    longer = slower(steps)
    assert len(longer) == 108
    assert (longer[0].max(), longer[-1].max()) == (0.0, 79.0)
    step = np.arange(40.0).reshape(1, 1, 40)
    assert higher([step], 2)[0].ravel().tolist() == [0, 0, 0, *range(1, 38)]
    assert np.array_equal(higher([step], 0)[0], step)
