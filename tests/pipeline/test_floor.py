import pytest

from rtvi_local.pipeline.floor import is_backchannel, is_hush, may_become_backchannel


@pytest.mark.parametrize(
    "text",
    [
        "Mhm.",
        "Yeah, okay.",
        "Uh-huh!",
        "I see.",
        "That’s right.",
        "Oh, okay",
        "Hmm",
        "Mm-hmm.",
        "Mhmm, yeah.",
        "Uh-huh.",
        "Oh, really?",
        "Really?",
        "Aah.",
        "Ja, genau.",
        "Ach so?",
        "Ouais, d’accord.",
        "Sí, claro.",
        "Va bene.",
    ],
)
def test_signs_of_listening_do_not_take_the_floor(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Okay, but why?",
        "Right?",
        "Yes I want two of them",
        "Wait.",
        "Stop.",
        "What",
        "No.",
        "Am I?",
        "He is",
        "Hum a song",
        "Home.",
        "Ja, aber warum?",
        "Non.",
        "Vale, para.",
        "Aspetta.",
    ],
)
def test_anything_else_does(text: str) -> None:
    assert not is_backchannel(text)


@pytest.mark.parametrize("text", ["I", "That’s", "Got.", "go", "Mm", "Ach", "Va"])
def test_the_beginning_of_a_sign_of_listening_may_become_one(text: str) -> None:
    assert may_become_backchannel(text)


@pytest.mark.parametrize("text", ["", "...", "I want", "No", "Wait", "Stop", "What", "That is"])
def test_words_that_no_sign_begins_with_may_not(text: str) -> None:
    assert not may_become_backchannel(text)


@pytest.mark.parametrize(
    "text",
    [
        "Stop.",
        "Stop, stop, stop!",
        "Be quiet.",
        "That's enough.",
        "Okay, stop.",
        "Okay, that's enough, thank you.",
        "Could you please be quiet now?",
        "Be quiet, be quiet!",
        "Just stop it.",
        "Shh, shh!",
    ],
)
def test_asking_for_silence_is_recognised(text: str) -> None:
    assert is_hush(text)


@pytest.mark.parametrize(
    "text",
    [
        "Stop the timer.",
        "",
        "Don't stop.",
        "How do I stop smoking?",
        "No, thank you.",
        "Okay.",
        "Stop at the next shop.",
        "Wait.",
    ],
)
def test_words_about_stopping_are_not_asking_for_silence(text: str) -> None:
    assert not is_hush(text)


@pytest.mark.parametrize("text", ["Start talking.", "Okay, start."])
def test_a_stop_that_was_misheard_is_one_over_the_bots_voice_alone(text: str) -> None:
    assert is_hush(text, over_voice=True)
    assert not is_hush(text)
    assert not is_hush("Start the timer.", over_voice=True)
