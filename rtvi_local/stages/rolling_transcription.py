"""Transcribes an utterance again and again while it grows, each time only what is not settled of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32, Transcriber, Transcription
from rtvi_local.stages.settled_words import Settled, settle

IsInvented = Callable[[Transcription, Float32], bool]
"""Whether a transcription is something the model made up on silence or noise."""

SETTLING_S = 4.0
"""Audio from which on words may be settled. Less is transcribed as quickly whole, and better: of 2000 words in utterances of up
to 4 s, 18 were heard wrong because something misheard had been settled."""
OVERDUE_S = 6.0
"""Audio from which on they are to be settled whatever else is to be done."""
SURE_OF_LANGUAGE_S = 3.0
"""Audio from which on the language need not be detected again in every pass."""


@dataclass(frozen=True, slots=True)
class Words:
    """What was said in the utterance so far."""

    text: str
    language: str | None
    encode_ms: float
    decode_ms: float
    doubted: str = ""
    """What was written behind the settled words and not believed, where nothing but the certainty of the words spoke against
    it: somebody may have said something else. Or nobody has, in a café: its words are known by their uncertainty too."""


class RollingTranscription:
    """One utterance's words. Passes may overlap in time; each stands by what was settled when it began."""

    def __init__(self, transcriber: Transcriber, is_invented: IsInvented) -> None:
        self.transcriber = transcriber
        self.language: str | None = None
        """That is spoken, None to detect it."""
        self._is_invented = is_invented
        self._number = 0
        self.forget()

    def forget(self) -> None:
        """What comes next is another utterance."""
        self._number += 1
        self._settled = Settled()
        self._earlier = ""
        """What the newest pass heard behind the settled words, and up to which sample of the utterance."""
        self._earlier_until = 0
        self._spoken: str | None = None
        self._known = ""
        """The newest words that were not made up, and up to which sample of the utterance."""
        self._known_until = 0

    async def words(self, samples: Float32, first: int, *, may_settle: bool) -> Words:
        """What was said in `samples`: the utterance so far, from its sample number `first` on. `may_settle`, for a pass while
        somebody speaks, takes 20 ms more and spares later passes as many words as it can. If it fails, the next comes soon."""
        settled, number = self._settled, self._number
        begin = max(first, settled.begin)
        rest = samples[begin - first :]
        timed = rest.size >= (SETTLING_S if may_settle else OVERDUE_S) * LISTENING_SAMPLE_RATE
        heard, doubted = await self._transcribe(rest, word_times=timed, retry=not may_settle)
        encode_ms, decode_ms = heard.encode_ms, heard.decode_ms
        if may_settle and not heard.segments:
            known = self._known_at_least("", first + samples.size) if number == self._number else ""
            return Words(known, heard.language, encode_ms, decode_ms)
        if settled.text and not settled.fits(heard.text):
            # Whatever is settled is heard again in part: something is wrong, and the whole utterance has to tell what.
            settled, begin = Settled(), first
            heard, doubted = await self._transcribe(samples, word_times=False, retry=True)
            encode_ms, decode_ms = encode_ms + heard.encode_ms, decode_ms + heard.decode_ms
            if number == self._number:
                self._settled, self._earlier = settled, ""
        text = settled.joined(settled.rest(heard.text))
        if number == self._number:
            if settled is self._settled:
                self._learn(settled, heard, begin, first + samples.size)
            text = self._known_at_least(text, first + samples.size)
        return Words(text, heard.language, encode_ms, decode_ms, doubted)

    def _known_at_least(self, text: str, until: int) -> str:
        """`text`, or if that is empty, for the pass was taken for something made up, what the pass before heard: somebody who
        was seen to be understood is not to be left without an answer. Not where most of the sound came after that: noise."""
        if text:
            self._known, self._known_until = text, until
        return self._known if 2 * self._known_until >= until else text

    def _learn(self, settled: Settled, heard: Transcription, begin: int, until: int) -> None:
        if self._earlier and heard.words:
            earlier_until_s = (self._earlier_until - begin) / LISTENING_SAMPLE_RATE
            self._settled = settle(replace(settled, begin=begin), self._earlier, earlier_until_s, heard.words)
        self._earlier = settled.joined(settled.rest(heard.text))[len(self._settled.text) :]
        self._earlier_until = until
        if until - begin >= SURE_OF_LANGUAGE_S * LISTENING_SAMPLE_RATE:
            self._spoken = heard.language

    async def _transcribe(self, samples: Float32, *, word_times: bool, retry: bool) -> tuple[Transcription, str]:
        """What was heard, and if it is not believed, without text, what was `doubted` (see Words)."""
        language = self.language or self._spoken
        heard = await self.transcriber.transcribe(samples, language=language, word_times=word_times, retry=retry)
        if not self._is_invented(heard, samples):
            return replace(heard, text=heard.text.strip()), ""
        is_beyond_doubt = self._is_invented(replace(heard, mean_log_probability=0.0), samples)
        return replace(heard, text="", words=()), "" if is_beyond_doubt else heard.text.strip()
