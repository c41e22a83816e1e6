"""Laws of webhooks: each fact is told once to each endpoint, in order, valid and correctly signed; what was refused is told to none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.behaviour.model import Lifecycle
from understudy.check.claims import Claim, status
from understudy.check.inbox import RECEIVE, Inbox
from understudy.check.judging import _as_claim
from understudy.check.laws.law import Law
from understudy.check.laws.lifecycles import ways
from understudy.check.laws.records import _other
from understudy.check.session import Impossible, Record, Reply, Session
from understudy.check.steps import Ref, Step
from understudy.check.subjects import Subject
from understudy.check.targets import InProcess
from understudy.webhooks.profiles import PROFILES, Profile, profile_of
from understudy.webhooks.rules import Rules, rules_of

STANDARD = "Standard Webhooks specification 1.0.0"
SECRETS = ("secret", "signing_secret", "secret_key", "webhook_secret", "signing_key")
TOLERANCE = 300
PATIENCE = 2
"""How often what came is asked for again while something is missing."""


def delivered(s: Session, subject: Subject) -> None:
    """The facts of some records reach each active endpoint, as the behaviour says which."""
    rules, hooks = _rules(s), _endpoints(s)
    told, silent, here = _listeners(s, hooks)
    stories = [story for tell in (_changed, _moved, _refused, _gone) if (story := _told_by(tell, s, subject))]
    reply = _all_told(s, rules, here, stories, len(told))
    came = reply.value if isinstance(reply.value, list) else []
    if not any(str(one.get("path")).startswith(here) for one in came) and not (subject.said and isinstance(getattr(s.target, "target", None), InProcess)):
        raise Impossible("nothing arrived at all: can the target reach this machine?")
    for place, hook in enumerate(told):
        for story in stories:
            record, types = story.record, story.types
            s.claim("told", f"{' then '.join(types)} did not come once each, in this order, to each endpoint", at=s.api.by_key[s.steps[record.step].operation],
                    mark=f"told {types[-1:]}", deliveries=Ref(reply.step), path=f"{here}/{place}", id_at=_id_at(rules, subject), id=record.id, type_at=_at(rules, "type"), types=types,
                    given=[*story.given, Claim("there", {"value": hook.id}, "the endpoint was made")])
        _signed(s, rules, hook, reply, f"{here}/{place}")
    untouched = _told_by(_only_refused, s, subject)
    if untouched is not None:
        reply = _all_told(s, rules, here, [untouched], len(told))
        s.claim("told", "a request that was refused was told like one that was done", at=s.operation(subject, "create"), mark="refused", deliveries=Ref(reply.step), path=f"{here}/0",
                id_at=_id_at(rules, subject), id=untouched.record.id, type_at=_at(rules, "type"), types=untouched.types, alone=True,
                given=[*untouched.given, Claim("there", {"value": told[0].id}, "the endpoint was made")])
    _gone_endpoint(s, rules, subject, hooks, here)
    for path in silent:
        s.claim("nothing_at", "an endpoint that is not active, or no longer there, was told", at=s.operation(hooks, "create"), mark="silent", deliveries=Ref(reply.step), path=path)
    s.claim("apart", "two events came with the same id", at=s.operation(hooks, "create"), mark="ids", deliveries=Ref(reply.step), path=f"{here}/0", header=_profile(rules).id_header.lower(), at_=["id"])
    for index, one in [(index, one) for index, one in enumerate(came) if str(one.get("path")).startswith(here)][:60]:
        _valid(s, rules, subject, reply, index, one)


def _all_told(s: Session, rules: Rules, here: str, stories: list[Story], endpoints: int) -> Reply:
    """What came; asked for again where something is missing of what must come, as a busy machine may be late."""
    expected = sum(len(story.types) for story in stories) * endpoints
    reply = _receive(s, expected)
    for _ in range(PATIENCE):
        came = reply.value if isinstance(reply.value, list) else []
        ours = [one for one in came if str(one.get("path")).startswith(here)
                and any(_inside(one.get("body"), _id_at(rules, story.record.subject)) == story.record.value[story.record.subject.id_field] for story in stories)]
        if len(ours) >= expected:
            break
        reply = _receive(s, len(came) + expected - len(ours))
    return reply


@dataclass
class Story:
    """What was done to a record: the events it makes, and the steps that were accepted."""

    record: Record
    facts: list[str]
    steps: list[int]
    state: Any = None
    seen: list[Claim] = field(default_factory=list)  # the states it was led to, and what was refused

    @property
    def types(self) -> list[str]:
        """The types of its events, in their order."""
        return _events(self.record.subject, *self.facts)

    @property
    def given(self) -> list[Claim]:
        """That all of it was accepted: without one step of it other events come."""
        return [*(Claim("among", {"value": status(step), "options": ["2xx"]}, "it was accepted") for step in self.steps), *self.seen]


def _told_by(tell: Any, s: Session, subject: Subject) -> Story | None:
    try:
        record = s.create(subject)
        story = Story(record, ["created"], [record.step], record.state)
        tell(s, subject, story)
        return story
    except Impossible:
        return None


# --- what happens -----------------------------------------------------------------------------------------------------


def _events(subject: Subject, *facts: str) -> list[str]:
    return [subject.resource.events[fact] for fact in facts if fact in subject.resource.events]


def _changed(s: Session, subject: Subject, story: Story) -> None:
    body = _other(s, subject, story.record) if "update" in subject.operations else None
    if body is not None and (reply := s.change(story.record, body)).ok:
        story.facts.append("updated")
        story.steps.append(reply.step)


def _moved(s: Session, subject: Subject, story: Story) -> None:
    way = max(ways(s, subject).values(), key=len, default=()) if isinstance(subject.resource.lifecycle, Lifecycle) else ()
    for trigger in way:
        _fired(s, trigger, story)


def _fired(s: Session, trigger: str, story: Story) -> None:
    """Fire a trigger; what it did is the state it led to, if it led to another."""
    before = story.state
    reply = s.act(story.record, trigger)
    if not reply.ok:
        story.seen.append(_was(reply, "4xx"))
        return
    seen = s.again(story.record)
    story.state = seen.state
    story.facts += [str(story.state)] if story.state != before else []
    story.steps.append(reply.step)
    if isinstance(story.state, str):
        story.seen.append(Claim("equal", {"left": seen.ref(str(story.record.subject.state_field)), "right": story.state}, f"it was {story.state} then"))


def _was(reply: Reply, kind: str) -> Claim:
    return Claim("among", {"value": status(reply.step), "options": [kind]}, "it was refused")


def _refused(s: Session, subject: Subject, story: Story) -> None:
    """Every trigger once, most of which are refused; and an update that is."""
    for trigger in subject.actions:
        _fired(s, trigger, story)
    schema, wrap = subject.written("update")
    if schema is not None:
        s.send(s.step(s.operation(subject, "update"), subject, story.record, body={str(wrap): 1} if wrap else {"understudy": {"no": "such"}}))


def _only_refused(s: Session, subject: Subject, story: Story) -> None:
    """What the table does not allow in the state a record begins in."""
    row = subject.resource.lifecycle
    if row is None or "lifecycle" not in subject.said:
        raise Impossible("which triggers are refused is not known")
    for trigger in subject.actions:
        if trigger not in row.table.get(str(story.record.state), {}):
            story.seen.append(_was(s.act(story.record, trigger), "4xx"))


def _gone_endpoint(s: Session, rules: Rules, subject: Subject, hooks: Subject, here: str) -> None:
    """An endpoint that was told once, and then deleted, is told no more."""
    field = _url_field(hooks)
    if "delete" not in hooks.operations or field is None or not isinstance(s.target, Inbox):
        return
    active = _flag(s, hooks)
    hook = s.create(hooks, {**_everything(s, hooks), field: f"{s.target.url}{here}/late", **({active: True} if active else {})})
    s.create(subject)
    if not (reply := s.delete(hook)).ok:
        return
    late = s.create(subject)
    came = _receive(s, 0)
    s.claim("told", "an endpoint that was deleted is still told", at=s.operation(hooks, "delete"), mark="late", deliveries=Ref(came.step), path=f"{here}/late", id_at=_id_at(rules, subject),
            id=late.id, type_at=_at(rules, "type"), types=[], alone=True, given=[Claim("among", {"value": status(reply.step), "options": ["2xx"]}, "it was deleted")])


def _gone(s: Session, subject: Subject, story: Story) -> None:
    s.operation(subject, "delete")
    reply = s.delete(story.record)
    if reply.ok:
        story.facts.append("deleted")
        story.steps.append(reply.step)


# --- endpoints ----------------------------------------------------------------------------------------------------------


def _rules(s: Session) -> Rules:
    return rules_of(s.api.behaviour.webhooks)


def _endpoints(s: Session) -> Subject:
    """The resource whose records are endpoints: as the behaviour says, else the one with a URL and the right name. Raises Impossible."""
    rules = _rules(s)
    named = rules.endpoints.resource if rules.endpoints is not None else None
    for subject in s.api.subjects.values():
        if subject.name == named or (named is None and any(word in subject.name for word in ("webhook", "endpoint", "hook")) and _url_field(subject)):
            return subject
    raise Impossible("no resource holds the endpoints of webhooks")


def _url_field(subject: Subject) -> str | None:
    schema, _ = subject.written("create")
    names = subject.api.contract.shape(schema, "request").properties if schema is not None else {}
    return next((name for name in names if name in ("url", "target_url", "endpoint", "callback_url", "uri", "address", "target")), None)


CHOICES = ("enabled_events", "event_types", "events", "topics", "subscribed_events", "event_filters")
"""What an endpoint's choice of events is called, where no behaviour says it."""


def _everything(s: Session, hooks: Subject) -> dict[str, Any]:
    """The values by which an endpoint is told of every event."""
    rules, (schema, _) = _rules(s).endpoints, hooks.written("create")
    properties = s.api.contract.shape(schema, "request").properties if schema is not None else {}
    named: dict[str | None, list[str]] = {rules.include: [], rules.exclude: []} if rules is not None else {name: ["*"] for name in CHOICES}
    wanted: dict[str, Any] = {}
    for name in properties.keys() & named.keys():
        items = s.api.contract.shape(properties[name], "request").items
        every = list(s.api.contract.shape(items, "request").enum or ()) if items is not None else []
        value = every if every and name != getattr(rules, "exclude", None) else named[name]
        if s.bodies.is_valid(properties[name], value):
            wanted[str(name)] = value
    return wanted


def _listeners(s: Session, hooks: Subject) -> tuple[list[Record], list[str], str]:
    """Two active endpoints at 0 and 1; the paths of one that is not active and of one that was deleted; the path all are below.

    It is another one each time: what is still on its way of an earlier scenario is taken for none of this one.
    """
    if not isinstance(s.target, Inbox):
        raise Impossible("the target cannot reach this machine")
    field, here = _url_field(hooks), f"/{s.recipes.next()}"
    active, url = _flag(s, hooks), f"{s.target.url}{here}"
    if field is None:
        raise Impossible("an endpoint has no URL")
    wanted = _everything(s, hooks)
    on = {**wanted, **({active: True} if active else {})}
    told = [s.create(hooks, {**on, field: f"{url}/{place}"}) for place in range(2)]
    silent = []
    if active:
        s.create(hooks, {**wanted, field: f"{url}/off", active: False})
        silent.append(f"{here}/off")
    if "delete" in hooks.operations and s.delete(s.create(hooks, {**on, field: f"{url}/gone"})).ok:
        silent.append(f"{here}/gone")
    return told, silent, here


def _flag(s: Session, hooks: Subject) -> str | None:
    rules = _rules(s)
    said = rules.endpoints.active if rules.endpoints is not None else None
    schema, _ = hooks.written("create")
    names = s.api.contract.shape(schema, "request").properties if schema is not None else {}
    return next((name for name in (said, "active", "enabled", "is_active") if name in names), None)


def _receive(s: Session, expected: int) -> Reply:
    return s.send(Step("", RECEIVE, "/", query=(("expect", expected),)))


# --- what a delivery must be ----------------------------------------------------------------------------------------------


def _at(rules: Rules, what: str) -> list[str]:
    """Where a payload holds something: its type, its data, its id."""
    return [next((name for name, held in rules.payload.items() if held == what), what)]


def _id_at(rules: Rules, subject: Subject) -> list[str]:
    return [*_at(rules, "data"), subject.id_field]


def _profile(rules: Rules) -> Profile:
    if rules.signing in rules.profiles:
        return profile_of({"name": rules.signing, **rules.profiles[rules.signing]})
    return PROFILES.get(rules.signing, PROFILES["none"])


def _signed(s: Session, rules: Rules, hook: Record, reply: Reply, path: str) -> None:
    """Every delivery is signed with its own endpoint's secret, at the time it came."""
    profile = _profile(rules)
    field = next((name for name in SECRETS if isinstance(hook.value.get(name), str)), None)
    if field is None or not profile.header or not _is_said(s, reply, profile):
        return
    scheme = {name: getattr(profile, name) for name in ("header", "signed", "mark", "separator", "encoding", "algorithm", "stamp_header", "stamp_mark", "id_header", "secret", "secret_prefix")}
    operation = s.operation(hook.subject, "create")
    s.claim("authentic", "a delivery is not signed with its endpoint's secret", at=operation, mark="signature", deliveries=Ref(reply.step), path=path, secret=hook.ref(field), scheme=scheme)
    if profile.stamp_header and profile.stamp == "unix" and rules.stamped == "machine":
        s.claim("fresh", f"the time in {profile.stamp_header} is not the time it was sent", at=operation, mark="stamp", deliveries=Ref(reply.step), path=path,
                header=profile.stamp_header.lower(), within=TOLERANCE)


def _is_said(s: Session, reply: Reply, profile: Profile) -> bool:
    """Whether the scheme was said, or is seen: where nothing is said, only deliveries that carry its header are judged by it."""
    if any("signing" in data.get("webhooks", {}) for data in s.api.said if isinstance(data.get("webhooks", {}), Mapping)):
        return True
    return all(profile.header.lower() in one.get("headers", {}) for one in reply.value)


def _valid(s: Session, rules: Rules, subject: Subject, reply: Reply, index: int, one: Mapping[str, Any]) -> None:
    body = one.get("body")
    at = _at(rules, "type")[0]
    kind = body.get(at) if isinstance(body, dict) else None
    operation = next(iter(subject.operations.values()))
    s.claim("there", "a delivery does not say what type of event it is", at=operation, mark="type", value=Ref(reply.step, (index, "body", at)))
    webhook = s.api.contract.webhooks.get(str(kind))
    schema = next((schema for media, schema in webhook.body.content.items() if "json" in media), None) if webhook is not None and webhook.body is not None else None
    for error in s.judge.validator(schema).iter_errors(body) if schema is not None else ():
        claim, key = _as_claim(error, reply.step, error)
        place = Ref(reply.step, (index, "body", *error.absolute_path))
        s.claim("valid", f"{kind} is not as the document has it: {claim.says}", at=operation, mark=f"{kind} {key}", value=place, schema=claim.values["schema"])


def current(s: Session, subject: Subject) -> None:
    """What an event tells of a record is the record as it then was."""
    rules, hooks = _rules(s), _endpoints(s)
    _, _, here = _listeners(s, hooks)
    record = s.create(subject)
    body = _other(s, subject, record) if "update" in subject.operations else None
    if body is None or not s.change(record, body).ok:
        raise Impossible("nothing updates it")
    late = s.get(record)
    reply = _receive(s, 2 * len(_events(subject, "created", "updated")))
    data = _at(rules, "data")
    rows = [index for index, one in enumerate(reply.value or []) if one.get("path") == f"{here}/0" and _inside(one.get("body"), [*data, subject.id_field]) == record.value[subject.id_field]]
    if not rows:
        raise Impossible("nothing arrived of it")
    s.claim("same", "an event tells of the record otherwise than it is read", at=s.operation(subject, "update"), left=Ref(reply.step, (rows[-1], "body", *data)),
            right=Ref(late.step, record.inside), ignoring=[], given=[Claim("among", {"value": status(late.step), "options": ["2xx"]}, "it is read"),
                                                                      Claim("equal", {"left": Ref(reply.step, (rows[-1], "body", *data, subject.id_field)), "right": record.id}, "it is of it")])


def _inside(value: Any, path: list[str]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _tells(subject: Subject) -> bool:
    return bool(subject.resource.events) and bool({"create"} & subject.operations.keys())


WEBHOOKS = (
    Law("webhooks", delivered, "each fact is told once to each endpoint, in order, valid and signed; a refused request to none", STANDARD, frozenset({"create"}), _tells, "webhooks"),
    Law("webhook content", current, "an event tells of the record as it is", STANDARD, frozenset({"create", "retrieve", "update"}), _tells, "webhooks"),
)
