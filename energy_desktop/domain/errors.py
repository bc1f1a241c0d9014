"""Failures that a person can act on, told apart from our own bugs.

A `UserFacingError` is one sentence of three parts: where it happened, what happened, and what to
do. The window shows it, a command prints it on stderr. Every other exception is a bug of ours and
is logged whole at the outer edge of its thread.
"""


class UserFacingError(Exception):
    """An expected failure. `where` names the meter, file and row; `remedy` says what to do."""

    def __init__(self, *, where: str, what: str, remedy: str) -> None:
        super().__init__(where, what, remedy)
        self.where = where
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.remedy}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling on the way from a job process.
        return (_rebuild, (type(self), self.where, self.what, self.remedy))


def _rebuild(kind: type[UserFacingError], where: str, what: str, remedy: str) -> UserFacingError:
    return kind(where=where, what=what, remedy=remedy)


class WrongUse(UserFacingError):
    """The request itself is wrong: a command answers it with exit code 2."""


class ConfirmationNeeded(WrongUse):
    """Not done before the person says that this, with this figure, is what is meant."""


class MeterUnreachable(UserFacingError):
    """No answer on the wire."""


class MeterAnswerWrong(UserFacingError):
    """An answer that must not be taken for a reading: wrong length, function, unit or checksum."""


class MeterRefused(MeterAnswerWrong):
    """A whole and right answer that says no: it has not what was asked for, or cannot give it."""


class DriverFileError(UserFacingError):
    """A driver TOML that cannot be used; `where` is file and line."""


class SiteFileError(UserFacingError):
    """A site TOML that cannot be applied; nothing of it was."""


class DataFileError(UserFacingError):
    """A file of readings, prices or powers that cannot be read; `where` is file and line."""


class NotFound(UserFacingError):
    """A meter, client, battery or invoice that the site does not have."""


class NotEnoughData(UserFacingError):
    """A calculation refused because it would have been a guess."""


class StoreError(UserFacingError):
    """The database cannot be opened, read or written."""


class DamagedStore(StoreError):
    """The database, or a place in it, is not what was written: a backup helps."""


class MissingStore(DamagedStore):
    """The file of the database is gone, and things beside it say that there was one."""


class EngineAlreadyRunning(StoreError):
    """Another engine holds this database."""


class FleetBusy(StoreError):
    """Another process works on the results in this folder."""


class PassphraseNeeded(StoreError):
    """The database is encrypted, and nothing that this computer keeps opens it."""


class WrongKey(StoreError):
    """The passphrase or recovery key does not open this database."""


class InvoiceError(UserFacingError):
    """An invoice that may not be issued or changed."""


class PlanInfeasible(UserFacingError):
    """No plan obeys every limit; the sentence names the limit that blocks it."""


class JobCancelled(UserFacingError):
    """The person stopped the job."""


class JobLost(UserFacingError):
    """The process of the job ended before it had an answer."""


class JobTimedOut(UserFacingError):
    """The job reached its time limit."""
