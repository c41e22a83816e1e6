"""`Prefer: wait=N`: the client asks for an answer that takes its time.

RFC 7240 section 4.3 has `wait` as the seconds a client is willing to wait at most. The stand-in uses all of them, as
clients of mock servers mean it: the answer comes after N seconds, the latest that the preference allows. Beside
`respond-async` it is the RFC's bound and nothing else: an answer that is there at once is not held back.
"""

from __future__ import annotations

import re

from understudy.engine.negotiating import preferences
from understudy.faults.fault import LONGEST
from understudy.faults.spoiling import Struck

_SECONDS = re.compile(r"\d{1,3}(\.\d{1,3})?")


def waiting(struck: Struck | None, text: str) -> Struck | None:
    """What strikes a request with this Prefer header; a `wait` that is no number of seconds up to `LONGEST` is passed over."""
    preferred = preferences(text)
    asked = preferred.get("wait")
    if asked is None or "respond-async" in preferred or not _SECONDS.fullmatch(asked) or float(asked) > LONGEST:
        return struck
    own = struck or Struck(())
    return own._replace(delay=own.delay + float(asked), preferred=asked)
