"""Errors that a person can do something about."""


class UserError(Exception):
    """The text says what is wrong and what to do; the command line prints it without a traceback and exits 2."""


def extra(name: str) -> str:
    """How to install an optional part. By the checkout's own path: the project is on no package index."""
    return f"pip install --editable '.[{name}]', in the folder of rtvi-local"
