"""A line without transaction numbers: RTU and ASCII, on a port of ours or behind a serial server.

Nothing in an answer says which question it belongs to. What tells them apart is all there is: unit,
function, length, order and time. So the line is listened to all the time, also while nothing is
asked, and every sound frame on it is put where it belongs:

- Before a question the line must have been silent for 3.5 characters since the last byte that was
  heard, whoever sent it. A question of another master is followed by its answer first.
- Who does not answer in time *owes* one. Nothing is asked for the guard time; what comes later is
  known as late by its unit, or by its length when the same unit is asked for something else. Where
  not even the length differs, a short question with a length of its own is asked before: slaves
  answer in order, so that its answer says that nothing older is still to come.
- A question of another master to the unit that we ask makes both answers worthless.
- An answer that came damaged is noticed at the first pause, not at the timeout: it came, so nothing
  is owed.

The port is not closed after a failure, because a closed port hears nothing; only when nobody at all
answers, it is opened anew, since some adapters need that.
"""

import asyncio
import struct
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pymodbus.client.base import ModbusBaseClient
from pymodbus.framer import FramerAscii, FramerBase, FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU

from energy_desktop.acquisition.links.checked import CheckedConnection, ReadRequest
from energy_desktop.acquisition.links.failure import (
    FailureKind,
    RequestFailed,
    seconds_text,
    wrong_answer,
)
from energy_desktop.acquisition.links.frame_log import Describe
from energy_desktop.acquisition.links.modbus_frames import WRITES_ONE, Found, question_words
from energy_desktop.domain.bus import BusError
from energy_desktop.domain.site import Link

PROBE_GUARD_S = 0.1  # after a probe of a lost unit, instead of the link's guard time
OWED_S = 5.0  # how long a late answer is reckoned with, at least
MOST_UNANSWERED = 3  # questions in a row, of all units, before the port is opened anew
MOST_HEARD = 512  # bytes of a babbling line that are looked at together
ENGAGED_STEP_S = 0.005
NOBODY = 0  # no unit has this number
SPIN_S = 0.001
"""The loop's timers are late by up to a millisecond, which is a twentieth of a read at 115200 baud:
the last one of a silence is waited for awake."""
SHARED_WITHIN_S = 600.0
SHARED_AFTER = 3  # frames of others within that time

Frames = Callable[[bytes, int | None], Iterator[Found]]
Hear = Callable[[bytes], tuple[int, ModbusPDU | None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is under way. size: of the answer's payload, None: not known before."""

    unit_id: int
    function: int
    size: int | None
    address: int | None
    frame: bytes = b""
    at_s: float = 0.0
    is_ours: bool = True

    def is_answered_like(self, other: "Asked") -> bool:
        """Whether the answers to both look the same but for their content."""
        return (self.unit_id, self.function, self.size) == (
            other.unit_id,
            other.function,
            other.size,
        )


class _Listener(FramerBase):
    """pymodbus' framer with the finding of frames taken out of it: `hear` decides."""

    def __init__(self, decoder: DecodePDU, hear: Hear) -> None:
        super().__init__(decoder)
        self._hear = hear

    def handleFrame(
        self,
        data: bytes,
        exp_devid: int,  # noqa: ARG002
        exp_tid: int,  # noqa: ARG002
    ) -> tuple[int, ModbusPDU | None]:
        return self._hear(data)


class RtuListener(_Listener, FramerRTU):
    """Frames of RTU."""


class AsciiListener(_Listener, FramerAscii):
    """Frames of ASCII."""


class LineConnection(CheckedConnection):
    """What RTU and ASCII have in common, on whatever leads to the line.

    silence_s: how long the line must be quiet before a question. gap_s: a pause this long ends an
    answer, however short it is. character_s: time of a byte on the wire; 0: unknown.
    """

    think_s = 0.02

    def __init__(
        self,
        link: Link,
        describe: Describe,
        frames: Frames,
        *,
        silence_s: float,
        gap_s: float,
        character_s: float,
    ) -> None:
        super().__init__(link, describe)
        self._frames = frames
        self._silence_s = silence_s
        self._gap_s = gap_s
        self._character_s = character_s
        self._loop = asyncio.get_running_loop()
        self._guard_s = link.guard_s
        self._longest_wait_s = 2 * link.timeout_s + link.guard_s  # for a line that babbles
        self._heard_s = 0.0  # when the last byte came
        self._began_s: float | None = None  # when the first byte after the question came
        self._asked: Asked | None = None
        self._looked_to = 0  # frames of the bytes before it were put where they belong
        self._disputed = False
        self._stranger = False  # a unit that was not asked has answered
        self._echo_due = False
        self._echoes = False
        self._owed: list[Asked] = []
        self._engaged: tuple[int, float] | None = None  # unit that another master asked, until when
        self._others: deque[float] = deque(maxlen=100)  # when a frame of another master came
        self._unanswered_in_row = 0
        self._patience: asyncio.TimerHandle | None = None
        self._gap: asyncio.TimerHandle | None = None

    @property
    def suspicion(self) -> str:
        since_s = self._loop.time() - SHARED_WITHIN_S
        heard = sum(at_s >= since_s for at_s in tuple(self._others))
        if heard < SHARED_AFTER:
            return ""
        return (
            f"{heard} questions that this program did not ask were heard in the last 10 minutes: "
            "another master uses this line."
        )

    def probe_s(self, unit_id: int) -> float:
        """Short also for a unit that never answered: what it says too late is heard, and then
        it is given that long."""
        return self._probe_after(self._slowest_s.get(unit_id, 0.0))

    def _make_client(self) -> ModbusBaseClient:
        client = self._bare_client()
        context: Any = client.ctx
        context.framer = self._framer(context.framer.decoder)
        context.max_buffer_size = MOST_HEARD
        return client

    @abstractmethod
    def _bare_client(self) -> ModbusBaseClient: ...

    def _framer(self, decoder: DecodePDU) -> FramerRTU | FramerAscii:
        return RtuListener(decoder, self._hear)

    def _thought_s(self, took_s: float) -> float:
        asked = self._asked
        if asked is None or self._began_s is None:
            return took_s
        return self._began_s - asked.at_s - len(asked.frame) * self._character_s

    def _adu_bytes(self, pdu_bytes: int) -> int:
        """Size on the wire of a frame with so many bytes from the function code on."""
        return pdu_bytes + 3

    def wire_s(self, sent_bytes: int, answer_bytes: int) -> float:
        sizes = self._adu_bytes(sent_bytes) + self._adu_bytes(2 + answer_bytes)
        return sizes * self._character_s + 2 * self._silence_s

    def _rest_s(self) -> float:
        return self._silence_s

    # A question

    async def _exchange(
        self, pdu: ModbusPDU, answer_bytes: int, patience_s: float | None = None
    ) -> Any:
        reads = pdu.function_code <= 4
        size = answer_bytes if reads else None
        asked = Asked(pdu.dev_id, pdu.function_code, size, pdu.address if reads else None)
        if self._owed and self._is_ambiguous(asked):
            await self._settle(asked, patience_s)
        return await self._ask(asked, pdu, answer_bytes, patience_s)

    async def _ask(
        self, asked: Asked, pdu: ModbusPDU, answer_bytes: int, patience_s: float | None
    ) -> Any:
        self._asked = asked
        probing = patience_s is not None
        self._guard_s = min(PROBE_GUARD_S, self.link.guard_s) if probing else self.link.guard_s
        try:
            return await super()._exchange(pdu, answer_bytes, patience_s)
        except _Silent:
            raise await self._unanswered(patience_s) from None
        except _Damaged:
            raise self._damaged() from None
        except _Disputed:
            await self._rest()
            raise wrong_answer(
                "another master asked the same unit at the same time, so that the answer may be "
                "to its question."
            ) from None
        finally:
            self._cancel_timers()

    def _deadline_s(self, pdu: ModbusPDU, answer_bytes: int, patience_s: float) -> float:
        """The patience is the meter's time to think; the time on the wire comes on top."""
        return patience_s + self.wire_s(len(pdu.encode()) + 1, answer_bytes)

    async def _open(self) -> ModbusBaseClient:
        client = await super()._open()
        # What was said there until now is not known: another master may wait for his answer.
        self._heard_s = self._loop.time()
        self._engaged = (NOBODY, self._heard_s + self.link.guard_s)
        return client

    async def _before_request(self, client: ModbusBaseClient) -> None:
        began_s = self._loop.time()
        while client.connected:
            # What waits in the port is heard before, not after: it is read in the loop's next
            # turn, but after this task.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            now_s = self._loop.time()
            free_s = self._heard_s + self._silence_s
            if self._engaged is not None:
                free_s = max(free_s, self._engaged[1])
            if now_s >= free_s:
                break
            if now_s - began_s > self._longest_wait_s:
                raise RequestFailed(
                    FailureKind.NO_ANSWER,
                    f"the line was not silent for {seconds_text(self._longest_wait_s)} s, so that "
                    "nothing could be asked.",
                    "Find out who sends there; a second master, or a line without termination.",
                    BusError.GARBAGE,
                )
            wait_s = free_s - now_s - SPIN_S
            if wait_s > 0:
                await asyncio.sleep(min(wait_s, ENGAGED_STEP_S) if self._engaged else wait_s)
        context: Any = client.ctx
        if context.recv_buffer:
            self.log.received(context.recv_buffer, "noise", None, BusError.GARBAGE)
            context.recv_buffer = b""
        self._engaged = None
        self._looked_to = 0
        self._disputed = self._stranger = False
        self._echo_due = self._echoes

    def _on_packet(self, sending: bool, data: bytes) -> bytes:
        super()._on_packet(sending, data)
        if sending and self._asked is not None and self._client is not None:
            self._asked = replace(self._asked, frame=data, at_s=self._loop.time())
            self._began_s = None
            whole_s = self._client.ctx.comm_params.timeout_connect
            begun_s = whole_s - self._answer_bytes(self._asked) * self._character_s
            self._patience = self._loop.call_later(begun_s, self._nothing_came)
        return data

    def _answer_bytes(self, asked: Asked) -> int:
        """On the wire; an answer whose size is not known before is taken for a short one."""
        return self._adu_bytes(2 + (3 if asked.size is None else asked.size))

    def _cancel_timers(self) -> None:
        for timer in (self._patience, self._gap):
            if timer is not None:
                timer.cancel()
        self._patience = self._gap = None

    def _nothing_came(self) -> None:
        """The meter's time to think is over. What began by now may still be finished."""
        if not self._came:
            self._end_wait(_Silent())

    def _pause(self) -> None:
        """Bytes came, and none since: is that our answer, damaged?"""
        self._gap = None
        asked, came = self._asked, self._came
        if asked is None or not came:
            return
        quiet_s = self._loop.time() - self._heard_s
        if quiet_s < self._gap_s:
            self._gap = self._loop.call_later(self._gap_s - quiet_s, self._pause)
        elif self._has_begun(came, asked) or len(came) >= self._answer_bytes(asked):
            self._end_wait(_Damaged())

    def _has_begun(self, came: bytes, asked: Asked) -> bool:
        """Whether these bytes are the beginning of an answer to the question."""
        return len(came) > 1 and came[0] == asked.unit_id and came[1] & 0x7F == asked.function

    def _damaged(self) -> RequestFailed:
        asked = self._asked
        short = asked is not None and len(self._came) < self._answer_bytes(asked)
        what = (
            f"the answer broke off after {len(self._came)} bytes."
            if short
            else "the answer came damaged: its checksum does not fit."
        )
        return RequestFailed(
            FailureKind.WRONG_ANSWER,
            what,
            "Check cable, termination and baud rate, and that no one else uses the line.",
            BusError.SHORT_ANSWER if short else BusError.CHECKSUM,
        )

    async def _unanswered(self, patience_s: float | None) -> RequestFailed:
        error = self._garbage()
        await self._rest()
        self._unanswered_in_row += 1
        if self._unanswered_in_row >= MOST_UNANSWERED:
            self._unanswered_in_row = 0
            await self.close()
        return self._silence_words(patience_s, error)

    def _garbage(self) -> BusError:
        if self._stranger:
            return BusError.WRONG_UNIT
        return BusError.GARBAGE if self._came else BusError.TIMEOUT

    def _abandoned(self, client: ModbusBaseClient) -> None:  # noqa: ARG002
        if self._asked is not None:
            self._owed.append(self._asked)

    async def _reset(self) -> None:
        """After a wrong answer, the right one may still come."""
        await self._rest()

    async def _rest(self) -> None:
        self._awaiting = False  # from now on it is late
        if self._asked is not None:
            self._owed.append(self._asked)
        if self._client is not None and self._client.connected:
            await asyncio.sleep(self._guard_s)
            self.counters.busy(self._guard_s)

    # What is still owed

    def _is_ambiguous(self, asked: Asked) -> bool:
        """Whether a late answer could be taken for the one that is to be asked for."""
        reckoned_s = max(OWED_S, 3 * (self.timeout_s + self.link.guard_s))
        since_s = self._loop.time() - reckoned_s
        self._owed = [owed for owed in self._owed if owed.at_s > since_s]
        return any(
            owed.is_answered_like(asked) and owed.address != asked.address for owed in self._owed
        )

    async def _settle(self, asked: Asked, patience_s: float | None) -> None:
        """Asks the unit something whose answer cannot be taken for anything that it owes."""
        owed = [owed for owed in self._owed if owed.unit_id == asked.unit_id]
        sizes = {one.size for one in owed if one.function == asked.function}
        registers = (asked.size or 0) // 2 if asked.function in (3, 4) else 0
        count = next((n for n in (2, 4, 1, 3) if 2 * n not in sizes and n <= registers), None)
        if count is None or asked.address is None:
            raise RequestFailed(
                FailureKind.NO_ANSWER,
                "an answer that comes late could be taken for the next one, so it is not asked "
                "for some seconds.",
                "Give the connection a longer timeout if this goes on.",
            )
        short = ReadRequest(asked.unit_id, asked.function, asked.address, count)
        question = Asked(short.unit_id, short.function, short.size, short.address)
        response = await self._ask(question, short.pdu, short.size, patience_s)
        self._owed = [one for one in self._owed if one not in owed]
        if response.isError() and self._asked is not None:
            self._owed.append(self._asked)  # the exception may have been a late answer, too
        self._answered(asked.unit_id)

    def _take_owed(self, found: Found) -> Asked | None:
        """The question to which the frame is the answer at last; it is no longer owed then."""
        for owed in self._owed:
            if found.unit_id != owed.unit_id or found.function != owed.function:
                continue
            if owed.size is None or found.is_exception or len(found.pdu) - 2 == owed.size:
                self._owed.remove(owed)
                if owed.is_ours:
                    late_s = self._loop.time() - owed.at_s
                    known_s = self._slowest_s.get(owed.unit_id, 0.0)
                    self._slowest_s[owed.unit_id] = max(late_s, known_s)
                return owed
        return None

    # What is heard

    def _received(self, data: bytes) -> None:
        """pymodbus hands the same bytes to `_hear`, which knows what to make of them."""

    def _hear(self, data: bytes) -> tuple[int, ModbusPDU | None]:
        """data: all that came and was not used. Returns how much is done with, and the answer."""
        self._heard_s = self._loop.time()
        asked = self._asked
        if asked is None or not self._awaiting:
            return self._overhear(data), None
        if self._began_s is None:
            self._began_s = self._heard_s
        if len(data) < self._looked_to:  # pymodbus emptied a buffer that was too full
            self._looked_to = 0
        begin = self._looked_to
        if not self._is_arriving(data[begin : begin + 3], len(data) - begin, asked):
            for found in self._frames(data[begin:], asked.unit_id):
                raw = data[begin + found.start : begin + found.end]
                self._looked_to = begin + found.end
                answer = self._decoded(found) if self._is_answer(found, raw, asked) else None
                if answer is not None:
                    self._came = raw
                    self._unanswered_in_row = 0
                    # What follows at once is another's, and must be known before we speak again.
                    return self._looked_to + self._overhear(data[self._looked_to :]), answer
        self._came = data[self._looked_to :]
        if self._gap is None and self._came:
            self._gap = self._loop.call_later(self._gap_s, self._pause)
        return 0, None

    def _is_arriving(self, head: bytes, size: int, asked: Asked) -> bool:
        """Whether these are the first bytes of the answer, the rest of which is on its way."""
        if asked.size is None or len(head) < 3:
            return False
        begun = head == bytes((asked.unit_id, asked.function, asked.size))
        return begun and size < asked.size + 5

    def _is_answer(self, found: Found, raw: bytes, asked: Asked) -> bool:
        """Puts a frame where it belongs. True: it is for us, whether right or wrong."""
        if raw == asked.frame and (asked.function not in WRITES_ONE or self._echo_due):
            self._echoes, self._echo_due = True, False
            return False
        if found.is_question:
            self._other_asks(found, raw)
            self._disputed = self._disputed or found.unit_id == asked.unit_id
            return False
        if found.unit_id != asked.unit_id:
            if not self._late(found, raw):
                self._stranger = True
                self._tell(raw, f"answer of unit {found.unit_id}", found, BusError.WRONG_UNIT)
            return False
        if self._disputed:
            self._tell(raw, "answer to whom?", found, BusError.GARBAGE)
            self._end_wait(_Disputed())
            return False
        if found.function == asked.function:
            fits = asked.size is None or len(found.pdu) - 2 == asked.size
            if fits and not found.is_exception:
                self._clear_owed(asked)
            if fits or found.is_exception:
                return True
        return not self._late(found, raw)

    def _clear_owed(self, asked: Asked) -> None:
        """Slaves answer in order: what is owed from before this answer never comes."""
        mine = [owed for owed in self._owed if owed.unit_id == asked.unit_id]
        if mine and not any(owed.is_answered_like(asked) for owed in mine):
            self._owed = [owed for owed in self._owed if owed.unit_id != asked.unit_id]

    def _decoded(self, found: Found) -> ModbusPDU | None:
        assert self._client is not None
        pdu: ModbusPDU | None = self._client.ctx.framer.decoder.decode(found.pdu)
        if pdu is not None:
            pdu.dev_id = found.unit_id
            pdu.transaction_id = 0
        return pdu

    def _overhear(self, data: bytes) -> int:
        """Bytes that came while nothing was asked."""
        done = 0
        for found in self._frames(data, None):
            raw = data[found.start : found.end]
            done = found.end
            if found.is_question:
                self._other_asks(found, raw)
            elif not self._late(found, raw):
                self._others.append(self._loop.time())
                self._tell(raw, "answer that nobody asked for", found, BusError.GARBAGE)
        return done if len(data) - done < MOST_HEARD // 2 else len(data)

    def _other_asks(self, found: Found, raw: bytes) -> None:
        """What it asks for is owed to it, and may not be taken for what is owed to us."""
        now_s = self._loop.time()
        self._others.append(now_s)
        self._engaged = (found.unit_id, now_s + self.timeout_s + self.link.guard_s)
        size = address = None
        if found.function in (3, 4):
            address, count = struct.unpack(">HH", found.pdu[1:])
            size = 2 * count
        self._owed.append(
            Asked(found.unit_id, found.function, size, address, raw, now_s, is_ours=False)
        )
        self._tell(raw, f"another master: {question_words(found.pdu)}", found, None)

    def _late(self, found: Found, raw: bytes) -> bool:
        """Whether the frame was owed: to us, and came too late, or to another master."""
        owed = self._take_owed(found)
        if owed is None:
            return False
        engaged = self._engaged is not None and self._engaged[0] == found.unit_id
        if engaged and not owed.is_ours:  # a late answer to us leaves his still to come
            self._engaged = None
        whose = "came too late, not used" if owed.is_ours else "is another master's"
        self._tell(raw, f"answer that {whose}", found, None)
        return True

    def _tell(self, raw: bytes, what: str, found: Found, error: BusError | None) -> None:
        self.log.received(raw, what, found.unit_id, error)


class _Silent(Exception):
    """Not one byte came in the time that the unit was given."""


class _Damaged(Exception):
    """Bytes came, and then a pause: the answer is there, but not sound."""


class _Disputed(Exception):
    """The answer may be to another master's question."""
