"""The errors that a user can mend: each has an exit code, and a message that says what, where and what to do."""


class BoatlibError(Exception):
    """A failure that a user can understand; shown as its message, never as a traceback."""

    exit_code = 4


class ParameterError(BoatlibError):
    """A params file or a `--set` is wrong; nothing has run."""

    exit_code = 2


class DataError(BoatlibError):
    """The photos cannot be used as they are."""

    exit_code = 3


class MissingInputError(BoatlibError):
    """A step was started before the one that makes its input."""

    exit_code = 4


class AlreadyRunningError(BoatlibError):
    """Another process works on the same run."""

    exit_code = 10


def exit_code_of(name: str) -> int:
    """Exit code for an error class known only by its name (as a notebook reports it); 4 for any other."""
    return getattr(globals().get(name), "exit_code", BoatlibError.exit_code)
