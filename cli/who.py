"""Who runs a command: the user of the operating system."""

from __future__ import annotations

import os
import pwd


def this_user() -> str:
    """The name, or the number of a user without one, as in a container."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
