"""Kills a piece of work at each of its steps, one after another, the hard way.

The work runs in a forked child. A step is a call that leaves Python for the disk or the database
(execute, commit, fsync, rename, ...); at the k-th of them the child sends itself SIGKILL, before
the call is made. k grows until the work comes to its end.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator

STEPS = frozenset(
    {"execute", "executemany", "commit", "backup", "fsync", "replace", "rename", "link", "unlink"}
    | {"write", "sendfile", "copy_file_range", "truncate"}
)
MOST_STEPS = 400


def killed_at_each_step(prepare: Callable[[], object], work: Callable[..., None]) -> Iterator[int]:
    """Yields the number of the step at which a fresh child was killed; the caller looks around.

    prepare: what precedes the steps that count; its result is handed to `work`. Raises
    AssertionError when the child fails, or never comes to its end.
    """
    for step in range(1, MOST_STEPS):
        pid = os.fork()
        if pid == 0:
            _in_child(prepare, work, step)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            yield step
            continue
        assert os.WEXITSTATUS(status) == 0, "the work failed in the child, see its output"
        assert step > 3, f"only {step - 1} steps were seen: nothing was proved"
        return
    raise AssertionError(f"the work did not end within {MOST_STEPS} steps")


def _in_child(prepare: Callable[[], object], work: Callable[..., None], step: int) -> None:
    left = step

    def watch(_frame: object, event: str, function: object) -> None:
        nonlocal left
        if event == "c_call" and getattr(function, "__name__", "") in STEPS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        prepared = prepare()
        sys.setprofile(watch)
        work(prepared)
        sys.setprofile(None)
        code = 0
    except BaseException:  # noqa: BLE001  the edge of a forked child: it must never return into the test run
        import traceback

        sys.setprofile(None)
        traceback.print_exc()
    finally:
        os._exit(code)
