"""TOML that a person wrote, where every mistake in it is one kind of error.

tomllib lets two others through: a RecursionError for brackets within brackets by the hundred, and
the plain ValueError of Python for a number of thousands of digits. Whoever reads a file that
another wrote would have to know of both.
"""

import tomllib
from typing import Any


def parse_toml(text: str) -> dict[str, Any]:
    """The document. Raises tomllib.TOMLDecodeError, and nothing else, for what is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise tomllib.TOMLDecodeError("It is nested too deeply") from None
    except ValueError:
        raise tomllib.TOMLDecodeError("It holds a number without end") from None
