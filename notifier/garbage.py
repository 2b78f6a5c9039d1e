"""Python's garbage collector: when it rests, and how often it looks.

It finds objects that hold each other; what nothing holds is freed without it. There is little for it to find
here, and by Python's own settings it would look for it again and again.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OBJECTS_BETWEEN_LOOKS: Final = 50_000
"""So many more objects than before, and it looks through the young ones; Python's own number is 700.

A message that is on its way holds some hundred objects, nearly none of which will be garbage: each look
finds them in use. What does become garbage takes some megabytes at the most until the next look.
"""


@contextmanager
def at_rest() -> Iterator[None]:
    """Collect nothing meanwhile: much is made, and all of it stays."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def keep_all() -> None:
    """Never look at what is there now: it stays for good. From now on look seldom."""
    gc.freeze()
    _, old, oldest = gc.get_threshold()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS, old, oldest)
