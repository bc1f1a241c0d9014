"""Why a request brought no reading, in words and in a kind that the poller acts on."""

from enum import Enum

from energy_desktop.domain.bus import BusError
from energy_desktop.domain.errors import (
    MeterAnswerWrong,
    MeterRefused,
    MeterUnreachable,
    UserFacingError,
)

try:
    from termios import error as _termios_error

    TERMINAL_ERRORS: tuple[type[Exception], ...] = (_termios_error,)
except ImportError:  # Windows has no termios
    TERMINAL_ERRORS = ()

PORT_ERRORS: tuple[type[Exception], ...] = (OSError, *TERMINAL_ERRORS)
"""What a socket or serial port raises; a port that refuses its settings is no OSError."""


class FailureKind(Enum):
    """What went wrong, as far as it changes what is done next."""

    NO_CONNECTION = "no connection"  # concerns every unit of the link
    NO_ANSWER = "no answer"
    WRONG_ANSWER = "wrong answer"  # must never be taken for a reading
    REFUSED = "refused"  # exceptions 1 to 3: asking again will not help
    DEVICE_FAULT = "device fault"
    BUSY = "busy"
    GATEWAY = "gateway"  # the gateway answers, the unit behind it does not


_TOLD_AS = {
    FailureKind.NO_CONNECTION: MeterUnreachable,
    FailureKind.NO_ANSWER: MeterUnreachable,
    FailureKind.BUSY: MeterUnreachable,
    FailureKind.GATEWAY: MeterUnreachable,
    FailureKind.WRONG_ANSWER: MeterAnswerWrong,
    FailureKind.REFUSED: MeterRefused,
    FailureKind.DEVICE_FAULT: MeterRefused,
}
_COUNTED_AS = {
    FailureKind.NO_CONNECTION: BusError.NO_CONNECTION,
    FailureKind.NO_ANSWER: BusError.TIMEOUT,
    FailureKind.WRONG_ANSWER: BusError.GARBAGE,
}


class RequestFailed(Exception):
    """One request without a usable answer. `what` is a clause with its full stop.

    error: as what it is counted on its bus; code: of an exception answer.
    """

    def __init__(
        self,
        kind: FailureKind,
        what: str,
        remedy: str,
        error: BusError | None = None,
        code: int | None = None,
    ) -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.remedy = remedy
        self.error = error or _COUNTED_AS.get(kind, BusError.EXCEPTION)
        self.code = code

    def again(self) -> "RequestFailed":
        """The same failure to raise once more: an exception raised twice keeps both tracebacks."""
        return RequestFailed(self.kind, self.what, self.remedy, self.error, self.code)

    def for_user(self, where: str) -> UserFacingError:
        """The same failure as the sentence that a window or a command shows."""
        error = _TOLD_AS[self.kind]
        return error(where=where, what=self.what, remedy=self.remedy)


def seconds_text(seconds: float) -> str:
    """`1.0`, `0.05`, `1.09`: one decimal, or more where they are needed."""
    short = f"{seconds:.1f}"
    return short if float(short) == seconds else f"{seconds:.3g}"


def no_answer(timeout_s: float | None, error: BusError = BusError.TIMEOUT) -> RequestFailed:
    """timeout_s None: to a short probe of a meter that is lost. error: GARBAGE and the like when
    bytes came, but no answer was among them."""
    within = "no answer" if timeout_s is None else f"no answer within {seconds_text(timeout_s)} s"
    came = _CAME_INSTEAD.get(error)
    if came is None:
        remedy = "Check that the meter is powered and that its unit number is right."
        return RequestFailed(FailureKind.NO_ANSWER, f"{within}.", remedy, error)
    return RequestFailed(
        FailureKind.NO_ANSWER,
        f"{within}, but {came}.",
        "Check the unit number and the line settings, and that no one else uses the line.",
        error,
    )


_CAME_INSTEAD = {
    BusError.WRONG_UNIT: "an answer of another unit",
    BusError.SHORT_ANSWER: "the beginning of one",
    BusError.CHECKSUM: "bytes whose checksum is wrong",
    BusError.GARBAGE: "bytes that are none",
}
"""What came before the time was over, where it was not silence."""


def wrong_answer(what: str, error: BusError = BusError.GARBAGE) -> RequestFailed:
    return RequestFailed(
        FailureKind.WRONG_ANSWER,
        what,
        "Check that no other device has this unit number and that no one else uses the line.",
        error,
    )


def exception_words(code: int) -> str:
    """What a Modbus exception code says, as a clause."""
    known = _WORDS_OF_EXCEPTION.get(code)
    return "the meter answers with an unknown exception" if known is None else known[1]


_WORDS_OF_EXCEPTION = {
    1: (FailureKind.REFUSED, "the meter does not know this function"),
    2: (FailureKind.REFUSED, "the meter has no such registers"),
    3: (FailureKind.REFUSED, "the meter does not accept this number of registers or this value"),
    4: (FailureKind.DEVICE_FAULT, "the meter reports a fault of its own"),
    5: (FailureKind.BUSY, "the meter is busy"),
    6: (FailureKind.BUSY, "the meter is busy"),
    8: (FailureKind.DEVICE_FAULT, "the meter reports a memory fault"),
    10: (FailureKind.GATEWAY, "the gateway has no way to this unit"),
    11: (FailureKind.GATEWAY, "the unit behind the gateway does not answer"),
}
_REMEDY_OF_KIND = {
    FailureKind.REFUSED: "Check that the driver fits this meter model.",
    FailureKind.DEVICE_FAULT: "Look at the meter's display; restart it if the fault stays.",
    FailureKind.BUSY: "Ask it less often, or find out who else reads it.",
    FailureKind.GATEWAY: "Check the unit number and the bus behind the gateway.",
}


def refused(exception_code: int, request: str) -> RequestFailed:
    """The failure that a Modbus exception answer stands for. `request` names what was asked."""
    kind, words = _WORDS_OF_EXCEPTION.get(
        exception_code, (FailureKind.DEVICE_FAULT, "the meter answers with an unknown exception")
    )
    return RequestFailed(
        kind,
        f"{words} (exception {exception_code} for {request}).",
        _REMEDY_OF_KIND[kind],
        BusError.EXCEPTION,
        exception_code,
    )
