"""Who sits here: the name under which the system knows this person."""

import getpass


def user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "Operator"  # no name in the environment nor in the user database
