"""The conversation: typed frames, a list of stages, the turn-taking function and the task that runs it."""
