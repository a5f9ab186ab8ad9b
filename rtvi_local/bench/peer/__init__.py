"""The same models, the same questions and the same caller against Pipecat, from its package, in an environment of its own."""
