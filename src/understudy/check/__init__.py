"""Holding an implementation to its contract: laws, fuzzing, lockstep with another one, and what was found for people to read."""
