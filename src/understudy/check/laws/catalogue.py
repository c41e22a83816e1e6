"""Properties of APIs known from the field (specifications, tools, papers), and the law here that looks at each; or why none does.

A property many laws share stands under the one that would miss it first. `understudy check --list-laws` prints what is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

HELD: Mapping[str, tuple[str, ...]] = {
    # lifecycles
    "a trigger the table allows is accepted, and leads to its state": ("lifecycle", "walks"),
    "a trigger the table does not allow is refused as declared": ("lifecycle", "walks"),
    "a refused trigger changes nothing and is told to nobody": ("lifecycle", "webhooks"),
    "a trigger changes the state, its stamp and its version, and nothing else": ("lifecycle",),
    "a trigger, an update, a delete of one record changes no other": ("lifecycle", "update", "deleted is gone"),
    "each accepted write raises the version": ("time stamps", "lifecycle"),
    "a record begins in the initial state": ("initial state",),
    "updates and deletes keep to the states that allow them": ("locked", "deletable"),
    "a final state accepts nothing": ("lifecycle",),
    "records in one state are treated alike": ("alike",),
    # records
    "what was sent comes back, and is read": ("read your writes", "created is available", "update"),
    "what is left out has the document's default": ("defaults",),
    "a Location leads to what was made": ("created is available",),
    "an update changes what was sent and only that; a replace sets the whole, twice the same": ("update", "replace"),
    "what is the server's cannot be set": ("what is the server's",),
    "what is computed follows from the values": ("computed values",),
    "reading changes nothing": ("reading changes nothing",),
    "a refused create makes nothing": ("invalid creates",),
    "an update is done whole or not at all": ("all or nothing", "invalid updates"),
    "a row of a list is the record": ("created is listed",),
    "what was deleted is gone everywhere, and it alone": ("deleted is gone", "lists count"),
    "what belongs to one parent is not under another": ("parents",),
    "a change under an old tag is not done; of two at once one is": ("lost updates", "tags stay"),
    "what others refer to is deleted as declared, or stays": ("in use",),
    "references lead somewhere": ("references exist",),
    "time stamps never go back, and follow the clock": ("time stamps", "the clock"),
    # lists
    "pages are no longer than asked, full but for the last, and come to an end": ("pages",),
    "pages put together are the list, in its order, each record once": ("pages", "filtered pages"),
    "a page by number or offset is its part": ("places",),
    "totals, flags, cursors and links of a page are true": ("page metadata", "lists count"),
    "a cursor of another query, or none at all, misleads nobody": ("foreign cursors",),
    "a walk through pages survives creates and deletes": ("stable pages", "stable pages after a delete", "stable pages without their record"),
    "the page before the next is the page": ("pages backwards",),
    "the pages links lead to are the list, and each link leads where it says": ("links to pages", "links to filtered pages"),
    "a header that counts a list's records is true": ("counts in headers",),
    "what a search finds by a whole text it finds by its words": ("search",),
    "without a limit, and without an order, the list is as said": ("default page size", "default order"),
    "a filter is sound and complete; two are their intersection; over an enum they are the whole": ("filters",),
    "an unknown parameter is refused or ignored; a value that is none is refused": ("unknown parameters", "invalid queries"),
    "an order sorts by type, leaves nothing out, and goes with filters": ("order", "order of a filtered list"),
    "an expansion is the record and what it refers to": ("expansions",),
    # keys
    "a record by its other key is the record": ("alternate key",),
    "a key is taken once, also by many at once; a freed one brings nothing back": ("uniqueness", "a race for one key", "a freed key"),
    "a repeated request is answered as the first time and done once, also at once": ("idempotency key", "a race with one idempotency key"),
    "another request with a used key is refused; other keys are others": ("idempotency key, other request", "idempotency keys apart"),
    "a refused request does not use its key up": ("idempotency key after a refusal",),
    "two creates make two records": ("ids are distinct",),
    # webhooks
    "each fact is told once to each active endpoint, in order, with an id of its own": ("webhooks",),
    "a refused request, a deleted endpoint is told nothing": ("webhooks",),
    "an event is valid by the document, and tells of the record as it then was": ("webhooks", "webhook content"),
    "a delivery is signed with its endpoint's secret over the raw body, at its own time": ("webhooks",),
    # errors and access
    "every answer has a declared status, media type, shape and its required headers": ("declared status", "declared media type", "declared shape", "declared headers"),
    "a problem's status is the answer's; refusals for one reason are alike": ("a problem's status", "refusals alike"),
    "no refusal tells of the inside, and nothing is answered with a 5xx": ("no leak of internals", "no server error", "an answer"),
    "what is not there is not found; what is no request is refused": ("unknown records", "strange requests", "other methods"),
    "what the document just allows is taken": ("limits",),
    "without a key, with a wrong one, with another world's nothing is answered": ("keys are asked for", "other worlds"),
}
"""A property -> the laws that look at it."""

LEFT_OUT: Mapping[str, str] = {
    "a declared state that no action reaches is told": "timers, effects and fixtures set such states; `understudy diagram` shows them",
    "the scope of an idempotency key (one operation, one account)": "no document says it, and the draft leaves it to the server",
    "a repeated delivery keeps its id and comes by the schedule": "schedules are minutes to days long on a real target; the stand-in's are tested on its own clock",
    "a failed signature is refused by its receiver": "a law of receivers; `understudy webhooks trigger` sends such deliveries",
    "which of several refusals comes first (not found, or invalid)": "no document declares it",
    "a 401 names its scheme in WWW-Authenticate": "RFC 9110 asks for it and few APIs do so; declared as a required header it is looked at",
    "an unknown path is refused in the API's own shape": "gateways and frameworks answer it, not the API; its shape is declared nowhere",
}
"""A property -> why no law looks at it."""
