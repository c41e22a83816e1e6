"""Automatic mutants of reference.py that nobody can tell from it over HTTP, by the document: each with the reason."""

from __future__ import annotations

EQUIVALENT = {
    "94:33 method == 'POST' -> method != 'POST'": "/_reset is the frame around the API, which the measure calls without HTTP",
    "95:12 without self.reset()": "as above",
    "96:19 204 -> 205": "as above",
    "140:42 3 -> 4": "the shortest email that is well formed has five signs",
    "160:8 without _known(body, CUSTOMER_FIELDS)": "the merged values are asked the same again",
    "274:8 without _known(body, ORDER_FIELDS)": "as above",
    "199:48 0 -> 1": "the default of a parameter that is only read where it is given",
    "202:47 0 -> 1": "as above",
    "223:44 key(row) >= last -> key(row) > last": "only asked where the record of the cursor is gone, and no two records have one key",
    "224:40 key(row) <= last -> key(row) < last": "as above",
    "228:59 True -> False": "whether a body with its properties in another order is the same request, nobody says",
    "248:54 1 -> 2": "a reference of one sign leads to nothing and is refused either way, with one or the other declared status",
    "255:48 10 -> 11": "the pattern allows ten signs alone",
    "290:8 without self.comments = {id: row for id, row in self.comments.items() if row['order_id']": "comments of an order that is gone cannot be asked for, and no id comes twice",
    "346:67 24 -> 25": "a longer secret",
    "365:23 1 -> 2": "ids of events are the server's: distinct is all they must be",
    "375:100 12 -> 13": "a longer id",
    "378:8 without self.events += 0": "it did nothing",
    "378:23 0 -> 1": "ids of events, as above",
    "379:53 1 -> 2": "numbers that order records: they rise by two",
    "379:48 0 -> 1": "numbers that order records: they begin at two",
    "404:53 True -> False": "both are of one length by then",
    "532:83 2 -> 3": "a second more of patience with receivers",
}
"""What was done, as `automatic.mutants` names it (line:column and the change), and why it makes no difference."""
