"""Errors that a person can do something about."""


class UserError(Exception):
    """The text says what is wrong and what to do; the command line prints it without a traceback and exits 2."""
