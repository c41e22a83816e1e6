"""Events, signatures, retry schedules: who is due what, and when. Pure."""
