"""Answers that come later than timeout and guard together are still nobody else's.

The slaves answer each unit's questions in order, as real ones do, up to eight timeouts late. All
blocks have the same length, so that neither unit nor length tells a late answer from a right one.
"""

import asyncio
from random import Random

from energy_desktop.acquisition.links import connect_to
from energy_desktop.acquisition.links.checked import ReadRequest
from tests.faults.rtu_slave import LoopSlave, PtyPort, good_answer
from tests.faults.wire import REGISTERS, Tally, read, rtu_link

TIMEOUT_S = 0.02
GUARD_S = 0.04
LATEST_S = 8 * TIMEOUT_S


class SlowSlaves:
    """Three of ten questions are answered late; a unit answers one after another."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._free_s: dict[int, float] = {}
        self._loop = asyncio.get_running_loop()

    def __call__(self, request: bytes) -> list[tuple[float, bytes]]:
        now_s = self._loop.time()
        late_s = 0.0 if self._random.random() < 0.7 else self._random.uniform(0.0, LATEST_S)
        at_s = max(now_s + late_s, self._free_s.get(request[0], 0.0))
        self._free_s[request[0]] = at_s
        return [(at_s - now_s, good_answer(request))]


def test_no_answer_is_too_late_to_be_known_as_late(tmp_path):
    total = Tally()

    async def one(number: int) -> None:
        random = Random(100 + number)
        port = PtyPort(tmp_path, f"line{number}")
        with LoopSlave(port, SlowSlaves(random)):
            connection = connect_to(rtu_link(port.path, TIMEOUT_S, GUARD_S))
            for _ in range(100):
                question = ReadRequest(
                    random.randint(1, 3), 4, random.randint(0, 900), REGISTERS
                )  # fmt: skip
                await read(connection, question, total)
            await connection.close()

    async def lines() -> None:
        await asyncio.gather(*(one(number) for number in range(12)))

    asyncio.run(lines())

    assert total.wrong == []
    assert total.reads == 1_200
    assert total.right > 400


def test_a_unit_with_single_registers_only_is_not_asked_while_it_owes_an_answer(tmp_path):
    """No shorter question exists, so there is none that could come between."""

    async def work() -> list[str]:
        port = PtyPort(tmp_path)
        asked: list[bytes] = []

        def answer(request: bytes) -> list[tuple[float, bytes]]:
            asked.append(request)
            return [] if len(asked) == 1 else [(0.0, good_answer(request))]

        outcomes: list[str] = []
        with LoopSlave(port, answer):
            connection = connect_to(rtu_link(port.path, 0.3, GUARD_S))
            for address in (0, 5):
                tally = Tally()
                await read(connection, ReadRequest(1, 4, address, 1), tally)
                outcomes.append("right" if tally.right else "failed")
            other = Tally()
            await read(connection, ReadRequest(2, 4, 5, 1), other)
            outcomes.append("right" if other.right else "failed")
            await connection.close()
        assert len(asked) == 2  # the second question to unit 1 was never sent
        return outcomes

    assert asyncio.run(work()) == ["failed", "failed", "right"]
