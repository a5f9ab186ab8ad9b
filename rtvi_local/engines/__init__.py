"""The models, one file per family: load, warm up, run, cancel. `interfaces` says what a stage may expect of them."""

from __future__ import annotations

import os

# The threads of libgomp (in llama.cpp and CTranslate2) spin for milliseconds at every barrier and after all work unless told
# otherwise. As soon as anything else wants one of two cores, each of the several hundred barriers of a token then waits for a
# whole scheduler quantum: 15 ms a token became 1000 to 2700 ms. 1000 turns cost nothing measurable when the machine is free
# (100 cost 15 %, 0 doubles the time) and sleep when it is not. libgomp reads this once, when the first library brings it along,
# hence here, before any engine is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
