"""The errors that a user can mend: each has an exit code, and a message that says what, where and what to do."""


class BoatlibError(Exception):
    """A failure that a user can understand; shown as its message, never as a traceback."""

    exit_code = 4

    def _render_traceback_(self) -> list[str]:
        """What JupyterLab shows in place of a traceback."""
        return [str(self)]


class ParameterError(BoatlibError):
    """A params file or a `--set` is wrong; nothing has run."""

    exit_code = 2


class DataError(BoatlibError):
    """The photos cannot be used as they are."""

    exit_code = 3


class UnreadablePhotoError(DataError):
    """A file that is not a usable photo; the message is the reason, fit for a table."""


class DamagedModelError(BoatlibError):
    """A model folder that is incomplete, changed or damaged."""


class TrainingError(BoatlibError):
    """The training cannot go on."""


class DiskError(BoatlibError):
    """A file cannot be written: the disk is full, or the place is not ours to write to."""


class DamagedFileError(BoatlibError):
    """A file of a run that is cut off or not what it should be."""


class MissingInputError(BoatlibError):
    """A step was started before the one that makes its input."""

    exit_code = 4


class AlreadyRunningError(BoatlibError):
    """Another process works on the same run."""

    exit_code = 10


def find_error(name: str) -> type[BoatlibError] | None:
    """The class of an error known only by its name (as an executed notebook reports it); None for any other error."""
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, BoatlibError) else None
