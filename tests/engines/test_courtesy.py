from __future__ import annotations

import threading

from rtvi_local.engines.courtesy import LONGEST_WAIT_S, Courtesy


def steps_back_within(courtesy: Courtesy, seconds: float) -> bool:
    thread = threading.Thread(target=courtesy.step_back)
    thread.start()
    thread.join(seconds)
    done = not thread.is_alive()
    thread.join()
    return done


def test_nobody_waits_while_nobody_asks() -> None:
    courtesy = Courtesy()
    assert steps_back_within(courtesy, LONGEST_WAIT_S / 2)
    with courtesy.asked():
        pass
    assert steps_back_within(courtesy, LONGEST_WAIT_S / 2)


def test_who_is_asked_waits_until_the_last_has_finished_but_never_for_ever() -> None:
    courtesy = Courtesy()
    with courtesy.asked():
        with courtesy.asked():
            pass
        assert not steps_back_within(courtesy, LONGEST_WAIT_S / 2)
