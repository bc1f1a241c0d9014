"""A serial slave for the RTU benchmark, in a process of its own, as slow as a real line.

A pty has no baud rate, so this process keeps the time: a request of 8 bytes takes 8 characters to
arrive, the slave is silent for 3.5 characters, and its answer comes in pieces of 16 bytes, as a
UART hands them over, each when its last bit would have arrived. It notes how long the line was
silent before each request, and how much of the time from the first to the last answer the line was
taken: by requests, answers and the silences that belong to them. When this process is kept waiting
on a busy machine, its line is a slower line, and not the master's fault.

Run as `python -m bench.rtu_server BAUD_RATE`; prints the device's name, and at the end of its
standard input one line: requests, requests that came too early, the shortest silence in ms, the
share of the time in which the line was taken.
"""

import os
import select
import struct
import sys
import termios
import time
import tty

from energy_desktop.acquisition.links.modbus_rtu import bits_per_character, silence_s
from energy_desktop.acquisition.simulator.serial_line import crc16

PIECE = 16
SPIN_S = 0.0004  # the last stretch of a wait is spun: sleep is not as exact
EARLY_S = 0.00005
"""What a request may seem too early: half of how finely this process can tell."""
HELD_UP_S = 0.01


def main(baud_rate: int) -> None:
    far, near = os.openpty()
    tty.setraw(near, termios.TCSANOW)
    print(os.ttyname(near), flush=True)
    character_s = bits_per_character("N", 1) / baud_rate
    rest_s = silence_s(baud_rate)
    requests = early = 0
    shortest_s = float("inf")
    quiet_since_s = first_s = taken_s = 0.0
    answers: dict[bytes, bytes] = {}
    pending = b""
    held_up = False
    while True:
        # Asked without waiting for a while after an answer: a sleeping process wakes too late.
        patience_s = 0.0 if time.monotonic() - quiet_since_s < 0.006 else 0.2
        ready, _, _ = select.select([far, sys.stdin], [], [], patience_s)
        now_s = time.monotonic()
        if sys.stdin in ready:
            break
        if far not in ready:
            continue
        if not pending and quiet_since_s and not held_up:
            silence = now_s - quiet_since_s
            early += silence < rest_s - EARLY_S
            shortest_s = min(shortest_s, silence)
        pending += os.read(far, 256)
        if len(pending) < 8:
            continue
        request, pending = pending[:8], b""
        requests += 1
        first_s = first_s or now_s
        answer = answers.get(request)
        if answer is None:
            answer = answers[request] = _answer(request)
        begin_s = now_s + 8 * character_s + rest_s
        for at in range(0, len(answer), PIECE):
            piece = answer[at : at + PIECE]
            _until(begin_s + (at + len(piece)) * character_s)
            quiet_since_s = time.monotonic()  # after the write this process may be kept waiting
            os.write(far, piece)
        # An answer that this process brought too late may have been given up by the master.
        held_up = quiet_since_s - begin_s - len(answer) * character_s > HELD_UP_S
        taken_s += quiet_since_s - now_s + rest_s
    share = taken_s / max(quiet_since_s - first_s + rest_s, 1e-9)
    print(requests, early, f"{shortest_s * 1000:.3f} {share:.4f}", flush=True)
    os.close(far)
    os.close(near)


def _answer(request: bytes) -> bytes:
    unit, function, _, count = struct.unpack(">BBHH", request[:6])
    values = [0.5 + 0.001 * i for i in range((count + 1) // 2)]
    data = struct.pack(f">{len(values)}f", *values)[: 2 * count]
    body = struct.pack(">BBB", unit, function, len(data)) + data
    return body + crc16(body)


def _until(moment_s: float) -> None:
    left_s = moment_s - time.monotonic() - SPIN_S
    if left_s > 0:
        time.sleep(left_s)
    while time.monotonic() < moment_s:
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]))
