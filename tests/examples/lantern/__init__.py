"""Lantern, an invented shop that prints books on demand and bills its customers through Solvimon: an example of a user's code.

It knows the API's address and key, and nothing of a stand-in. `tests/examples/test_lantern_shop.py` is the suite it would have.
"""
