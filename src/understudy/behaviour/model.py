"""What OpenAPI cannot say about an API, as frozen values: resources, lifecycles, lists, errors, keys.

1. Only tables stand here: no value of this module decides, reads a file or knows a document.
2. Words are those of the glossary; a rule that no table can hold is an effect, named here and written elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


class _Nothing(dict[str, Any]):
    """An empty mapping that can be a dataclass default: those must be hashable, `mappingproxy` is so only from Python 3.12.

    A dict, since Python is several times quicker to ask and to unpack one than any other mapping.
    """

    __slots__ = ()

    def __setitem__(self, key: str, value: Any) -> None:
        raise TypeError("this mapping is shared and stays empty")

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


NOTHING: Mapping[str, Any] = _Nothing()


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """States and what moves a record between them. `table` is state -> trigger -> state; a row without cells is final."""

    field: str
    table: Mapping[str, Mapping[str, str]]
    initial: tuple[str, ...]  # the states a record may begin in; the first is the default
    timers: Mapping[str, str] = NOTHING  # trigger -> the record's field that holds when it falls due
    given: tuple[str, ...] = ()  # rows no trigger leads to: a fixture, an effect or the vendor's own doing sets them
    writable: bool = False  # an update may set the field to any state, as the document lets clients write it

    def triggers(self) -> frozenset[str]:
        """Every trigger of the table, over all states."""
        return frozenset(trigger for row in self.table.values() for trigger in row)


@dataclass(frozen=True, slots=True)
class Lock:
    """While a record is in one of `states`, only the fields in `free` may change."""

    states: frozenset[str]
    free: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lists:
    """How a collection pages, orders and filters. Every name is a query parameter or a property of the answer.

    `meta` is a template of the envelope beside the records: a property name to a known quantity (`QUANTITIES`)
    or to a further template. Only properties that the operation's response declares are sent.
    """

    style: str = "none"  # none, page, offset, cursor (opaque), after (the last record's id)
    items: str | None = None  # the envelope's property that holds the records; None: a bare array
    page: str | None = None
    limit: str | None = None
    offset: str | None = None
    cursor: str | None = None
    before: str | None = None
    first_page: int = 1
    default_limit: int = 50
    order_by: str | None = None
    direction: str | None = None
    default_order: str | None = None
    descending: bool = True  # the default direction; without an order it means newest first
    expand: str | None = None
    ranges: str | None = None  # "brackets": `[from,to]` as a value is a range, `[a,b]` a list
    filters: Mapping[str, str] = NOTHING  # query parameter -> field, where the names differ
    pairs: Mapping[str, tuple[str, str, str]] = NOTHING  # parameter -> (array, name property, value property)
    meta: Mapping[str, Any] = NOTHING
    link_header: bool = False
    key_map: str | None = None  # "id": the envelope maps ids to records
    max_limit: int | None = None  # the most records of one page
    cursor_form: str = "string"  # "integer": a cursor is a number, so the position itself
    search: str | None = None  # parameter: free text, found anywhere in a record's strings
    bounds: Mapping[str, tuple[str, str]] = NOTHING  # parameter -> (field, one of `BOUNDS`)
    orders: Mapping[str, str] = NOTHING  # value of `order_by` -> field, with "-" in front where it means downwards
    everything: Mapping[str, str] = NOTHING  # parameter of a filter -> the value that stands for any
    asked_for: Mapping[str, tuple[str, ...]] = NOTHING  # field of a record (`*`: of each in an array) -> the parameters it leaves for


QUANTITIES = frozenset((
    "page", "limit", "offset", "total", "count", "pages", "has_more", "first_url", "previous_url",
    "current_url", "next_url", "last_url", "next_cursor", "previous_cursor", "first_id", "last_id", "next_page",
    "previous_page", "next_offset", "has_previous", "path",
))  # fmt: skip
"""What `Lists.meta` may name. `path` is the list's own path, without a query."""

BOUNDS = frozenset({"gt", "gte", "lt", "lte", "keys"})
"""How a parameter bounds a field; `keys`: its value is an object whose keys are the other four."""


ID_FORMS = frozenset({"integer", "uuid", "hex", "digits", "upper", "lower"})
"""What an id may be made of beside mixed letters and digits; `upper` and `lower` include digits."""


@dataclass(frozen=True, slots=True)
class Search:
    """How a search operation reads its body: `clauses` names the body's arrays of clauses, `properties` compares directly."""

    style: str = "properties"
    default_order: str | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of thing with an id. `internal` ones have no path: effects alone make and read them."""

    name: str
    collections: tuple[str, ...] = ()  # paths that list it, as in the document, version segment included or not
    id_field: str = "id"
    id_prefix: str | None = None  # joined to the rest by `_`, unless it ends in a sign of its own
    id_form: str | None = None  # None: letters and digits; else one of `ID_FORMS`
    id_length: int | None = None  # characters after the prefix; None: the behaviour's `id_length`
    key: str | None = None  # the alternate key, unique within the resource
    key_in_path: bool = True  # whether a path may name a record by its key
    wrap: str | None = None  # the property an answer holds the record in, where the operation's schema declares it
    request_wrap: str | None = None  # the property a request holds the record in, likewise
    unique: tuple[tuple[str, ...], ...] = ()  # further combinations of fields that must not repeat
    object_type: str | None = None
    object_field: str = "object_type"  # the property that holds `object_type`
    lifecycle: Lifecycle | None = None
    refers_to: Mapping[str, str] = NOTHING  # field path (`items.*.product_id` goes into arrays) -> resource
    by_key: Mapping[str, str] = NOTHING  # field holding the target's key -> the field that holds its id
    lock: Lock | None = None
    locked_by: Mapping[str, str] = NOTHING  # field -> resource whose lock extends to this record
    deletable: frozenset[str] | None = None  # states in which delete is allowed; None: any
    events: Mapping[str, str] = NOTHING  # created, updated, deleted, or a state -> event type
    stamps: Mapping[str, str] = NOTHING  # created / updated -> field that takes the time
    stamp_forms: Mapping[str, str] = NOTHING  # field of `stamps` -> date, seconds, milliseconds; else a date-time string
    defaults: Mapping[str, Any] = NOTHING  # fields a new record has beyond what the client sent
    derived: Mapping[str, str] = NOTHING  # field -> path within the record that it repeats
    lists: Lists | None = None
    search: Search | None = None
    internal: bool = False
    singleton: bool = False
    parents: Mapping[str, str] = NOTHING  # path parameter -> the record's field it must equal
    put_creates: bool = False  # PUT on an item that is not there makes it, under the id in the path
    view: Mapping[str, Any] = NOTHING  # how a record is shown as a document: head, lines and totals by label, each a path
    given: int = 0  # records, made from the document's example, a world without a fixture begins with: nothing makes one


@dataclass(frozen=True, slots=True)
class Errors:
    """How a refusal looks. `rows` is problem kind -> constants of the body, with `status` to override the preference."""

    fields: Mapping[str, str] = NOTHING  # body property -> kind, message, field, id, object_type, status, title
    rows: Mapping[str, Mapping[str, Any]] = NOTHING
    wrap: str | None = None
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Auth:
    """Where a key may stand. `keys`: the accepted ones; None: any that is not empty."""

    headers: tuple[str, ...] = ()
    bearer: bool = False
    keys: frozenset[str] | None = None
    exempt: frozenset[str] = frozenset()  # operation keys that need none


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A header that makes a repeated request answer as the first did."""

    header: str
    window: timedelta
    replay_header: str | None = None
    exempt: frozenset[str] = frozenset()  # operation keys to which it does not apply
    methods: frozenset[str] = frozenset({"POST"})
    released: frozenset[int] = frozenset({400})  # statuses that do not pin the key


@dataclass(frozen=True, slots=True)
class Rule:
    """What the behaviour file says of one operation: its role, its effect, what its path parameters mean."""

    role: str | None = None
    resource: str | None = None
    trigger: str | None = None
    effect: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """One line of what was understood, and by which convention (or `file`, where it was said)."""

    subject: str
    finding: str
    convention: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Everything about an API that its document does not say."""

    resources: Mapping[str, Resource] = NOTHING
    lists: Lists = field(default_factory=Lists)
    search: Search = field(default_factory=Search)
    errors: Errors = field(default_factory=Errors)
    auth: Auth | None = None
    idempotency: Idempotency | None = None
    operations: Mapping[str, Rule] = NOTHING  # operation key, normalised -> rule
    effects: str | None = None  # dotted path of the module the effect names stand in
    reactions: Mapping[str, tuple[str, ...]] = NOTHING  # "resource.fact" -> effect names
    refreshes: Mapping[str, tuple[str, ...]] = NOTHING  # resource -> effect names, before an operation reads it
    response_headers: Mapping[str, str] = NOTHING  # header -> id prefix of a fresh id for each response
    settings: Mapping[str, Any] = NOTHING
    version: str | None = None  # the only legal value of a version segment that the document leaves open
    id_length: int = 20
    webhooks: Mapping[str, Any] = NOTHING
    assumed: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    errors_by_document: Mapping[str, Errors] = NOTHING  # URI of one of several documents -> how its refusals look
