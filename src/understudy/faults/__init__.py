"""Faults on demand as data: when one strikes, what it does to an answer. Pure: no I/O, no clock, no randomness."""
