"""Billing periods: hand-worked calendars, and laws that hold for every start, length and time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvimon.laws import LAW
from understudy_solvimon import periods
from understudy_solvimon.periods import Length, Period, Rhythm
from understudy_solvimon.refusal import Refusal

MONTH = Length("MONTH", 1)


def rhythm(start: str, length: Length = MONTH, zone: str = "UTC", billing_time: str = "EXACT") -> Rhythm:
    """A rhythm from plain words."""
    return Rhythm(periods.instant(start), length, ZoneInfo(zone), billing_time)


def borders(of: Rhythm, count: int) -> list[str]:
    """The first start and the ends of the first periods."""
    found = list(islice(periods.series(of), count))
    return [periods.stamp(found[0].start), *(periods.stamp(period.end) for period in found)]


CALENDARS = [
    ("the guide's subscription: 6 May to 6 June, London",
     rhythm("2025-05-06T00:00:00Z", zone="Europe/London"), ["2025-05-06T00:00:00Z", "2025-06-06T00:00:00Z"]),
    ("the 31st becomes the last day and returns",
     rhythm("2025-01-31T00:00:00Z"),
     ["2025-01-31T00:00:00Z", "2025-02-28T00:00:00Z", "2025-03-31T00:00:00Z", "2025-04-30T00:00:00Z", "2025-05-31T00:00:00Z"]),
    ("in a leap year February has a 29th",
     rhythm("2024-01-30T00:00:00Z"), ["2024-01-30T00:00:00Z", "2024-02-29T00:00:00Z", "2024-03-30T00:00:00Z"]),
    ("a year from 29 February is 28 February, and 29 again in the next leap year",
     rhythm("2024-02-29T12:00:00Z", Length("YEAR", 1)),
     ["2024-02-29T12:00:00Z", "2025-02-28T12:00:00Z", "2026-02-28T12:00:00Z", "2027-02-28T12:00:00Z", "2028-02-29T12:00:00Z"]),
    ("quarters over the turn of a year",
     rhythm("2024-11-30T00:00:00Z", Length("MONTH", 3)), ["2024-11-30T00:00:00Z", "2025-02-28T00:00:00Z", "2025-05-30T00:00:00Z"]),
    ("local midnight stays local midnight when the clocks go forward",
     rhythm("2025-02-28T23:00:00Z", zone="Europe/Berlin"), ["2025-02-28T23:00:00Z", "2025-03-31T22:00:00Z", "2025-04-30T22:00:00Z"]),
    ("a day of 23 hours",
     rhythm("2025-03-29T23:00:00Z", Length("DAY", 1), "Europe/Berlin"), ["2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"]),
    ("a day of 25 hours",
     rhythm("2025-10-25T22:00:00Z", Length("DAY", 1), "Europe/Berlin"), ["2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z"]),
    ("an hour the clocks leave out: half past two becomes half past three that day, and returns",
     rhythm("2025-03-29T01:30:00Z", Length("DAY", 1), "Europe/Berlin"),
     ["2025-03-29T01:30:00Z", "2025-03-30T01:30:00Z", "2025-03-31T00:30:00Z"]),
    ("fortnights",
     rhythm("2025-05-06T00:00:00Z", Length("WEEK", 2)), ["2025-05-06T00:00:00Z", "2025-05-20T00:00:00Z", "2025-06-03T00:00:00Z"]),
    ("CALENDAR: the rest of May, then whole months",
     rhythm("2025-05-06T00:00:00Z", billing_time="CALENDAR"), ["2025-05-06T00:00:00Z", "2025-06-01T00:00:00Z", "2025-07-01T00:00:00Z"]),
    ("CALENDAR: no stub on the first",
     rhythm("2025-05-01T00:00:00Z", billing_time="CALENDAR"), ["2025-05-01T00:00:00Z", "2025-06-01T00:00:00Z"]),
    ("CALENDAR quarters begin in January, April, July and October",
     rhythm("2025-05-06T00:00:00Z", Length("MONTH", 3), billing_time="CALENDAR"),
     ["2025-05-06T00:00:00Z", "2025-07-01T00:00:00Z", "2025-10-01T00:00:00Z", "2026-01-01T00:00:00Z"]),
    ("CALENDAR weeks begin on Monday: 6 May 2025 is a Tuesday",
     rhythm("2025-05-06T00:00:00Z", Length("WEEK", 1), billing_time="CALENDAR"),
     ["2025-05-06T00:00:00Z", "2025-05-12T00:00:00Z", "2025-05-19T00:00:00Z"]),
    ("CALENDAR years begin on 1 January",
     rhythm("2025-05-06T00:00:00Z", Length("YEAR", 1), billing_time="CALENDAR"), ["2025-05-06T00:00:00Z", "2026-01-01T00:00:00Z"]),
    ("CALENDAR in the customer's zone: June begins at ten in the evening of 31 May, UTC",
     rhythm("2025-05-06T00:00:00Z", zone="Europe/Berlin", billing_time="CALENDAR"), ["2025-05-06T00:00:00Z", "2025-05-31T22:00:00Z"]),
    ("CALENDAR days", rhythm("2025-05-06T15:00:00Z", Length("DAY", 1), billing_time="CALENDAR"),
     ["2025-05-06T15:00:00Z", "2025-05-07T00:00:00Z", "2025-05-08T00:00:00Z"]),
]


@pytest.mark.parametrize(("why", "of", "expected"), CALENDARS, ids=[case[0] for case in CALENDARS])
def test_periods_begin_and_end_where_the_calendar_says(why: str, of: Rhythm, expected: list[str]) -> None:
    """EXACT keeps the day, CALENDAR the calendar's borders, both in the customer's time zone."""
    assert borders(of, len(expected) - 1) == expected


STUBS = [
    ("26 of May's 31 days", "2025-05-06T00:00:00Z", MONTH, "UTC", Fraction(26, 31)),
    ("the first is all of the month", "2025-05-01T00:00:00Z", MONTH, "UTC", Fraction(1)),
    ("the last day alone", "2025-02-28T00:00:00Z", MONTH, "UTC", Fraction(1, 28)),
    ("a day that has begun counts whole", "2025-05-06T18:00:00Z", MONTH, "UTC", Fraction(26, 31)),
    ("56 of a quarter's 91 days", "2025-05-06T00:00:00Z", Length("MONTH", 3), "UTC", Fraction(56, 91)),
    ("Tuesday to Sunday", "2025-05-06T00:00:00Z", Length("WEEK", 1), "UTC", Fraction(6, 7)),
    ("240 of a year's 365 days", "2025-05-06T00:00:00Z", Length("YEAR", 1), "UTC", Fraction(240, 365)),
    ("local days count, however long: March 2025 in Berlin has 31", "2025-03-15T23:00:00Z", MONTH, "Europe/Berlin", Fraction(16, 31)),
]


@pytest.mark.parametrize(("why", "start", "length", "zone", "expected"), STUBS, ids=[case[0] for case in STUBS])
def test_stub_is_its_days_over_the_days_of_the_whole_period(why: str, start: str, length: Length, zone: str, expected: Fraction) -> None:
    """N13: price x (days in the stub / total days of that billing period)."""
    of = rhythm(start, length, zone, "CALENDAR")
    period = periods.period_at(of, of.start)
    assert periods.fraction(period.start, period.end, period, of.zone) == expected


RATIOS = [
    ("N12: a monthly price three times in a quarter", Length("MONTH", 3), Length("MONTH", 1), Fraction(3)),
    ("a yearly price in monthly invoices", Length("MONTH", 1), Length("YEAR", 1), Fraction(1, 12)),
    ("a monthly price on a yearly invoice", Length("YEAR", 1), Length("MONTH", 1), Fraction(12)),
    ("a weekly price in a fortnight", Length("WEEK", 2), Length("WEEK", 1), Fraction(2)),
    ("a daily price in May", Length("MONTH", 1), Length("DAY", 1), Fraction(31)),
    ("May's price for a week of it", Length("WEEK", 1), Length("MONTH", 1), Fraction(7, 31)),
]


@pytest.mark.parametrize(("why", "own", "of", "expected"), RATIOS, ids=[case[0] for case in RATIOS])
def test_a_price_per_one_period_is_charged_as_often_as_it_fits_another(why: str, own: Length, of: Length, expected: Fraction) -> None:
    """Months and years by count; days against months by the days of the period."""
    period = periods.period_at(rhythm("2025-05-01T00:00:00Z", own), periods.instant("2025-05-01T00:00:00Z"))
    assert periods.ratio(period, own, of, ZoneInfo("UTC")) == expected


@pytest.mark.parametrize("text", ["2025-05-06T00:00:00", "2025-05-06", "yesterday", "", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_time_stamps_without_offset_or_sense_are_refused(text: str) -> None:
    """What no billing can mean, and what arithmetic on dates could not hold."""
    with pytest.raises(Refusal):
        periods.instant(text)


def test_time_stamps_with_an_offset_are_the_same_moment_in_utc() -> None:
    """The reference's own example."""
    assert periods.stamp(periods.instant("2024-07-01T10:50:00+02:00")) == "2024-07-01T08:50:00Z"


@pytest.mark.parametrize(("text", "length"), [("PT8H", timedelta(hours=8)), ("PT30M", timedelta(minutes=30)),
                                              ("P1DT12H", timedelta(hours=36)), ("P2W", timedelta(days=14))])
def test_durations_are_read_as_iso_8601_writes_them(text: str, length: timedelta) -> None:
    """Exact lengths only: a month is none."""
    assert periods.duration(text) == length


@pytest.mark.parametrize("text", ["P", "PT", "8h", "P1M", "-PT8H", ""])
def test_other_durations_are_refused(text: str) -> None:
    """With what would be right."""
    with pytest.raises(Refusal, match="PT8H"):
        periods.duration(text)


@pytest.mark.parametrize(("row", "field"), [({"type": "MONTHS"}, "type"), ({"type": "MONTH", "value": 0}, "value"),
                                            ({"type": "MONTH", "value": True}, "value"), ({"type": "DAY", "value": 5000}, "value")])
def test_lengths_are_refused_by_field(row: dict[str, object], field: str) -> None:
    """A unit of the four, and a whole number above nothing."""
    with pytest.raises(Refusal) as caught:
        periods.length(row, "billing_period")
    assert caught.value.field == f"billing_period.{field}"


def test_unknown_time_zones_are_refused() -> None:
    """Paths and nonsense alike."""
    for name in ("Mars/Olympus", "../etc/passwd", "", "GMT+99", "GMT+1:30"):
        with pytest.raises(Refusal):
            periods.zone(name)
    assert periods.zone(None) == ZoneInfo("UTC")
    assert periods.zone("GMT+1") == ZoneInfo("Etc/GMT-1"), "an hour ahead: the Etc zones count the other way"


DAY = timedelta(days=1)
T0 = datetime(2025, 1, 1, tzinfo=UTC)


def test_schedules_chain_by_their_starts_and_open_ends_close() -> None:
    """A following schedule's start becomes the end of the one before it."""
    assert periods.chained([(T0 + DAY, None), (T0, None)]) == [(T0, T0 + DAY), (T0 + DAY, None)]


@pytest.mark.parametrize(("spans", "field", "word"), [
    ([(T0, T0 + DAY), (T0 + 2 * DAY, None)], "1.start_at", "gap"),
    ([(T0, T0 + 2 * DAY), (T0 + DAY, None)], "1.start_at", "overlaps"),
    ([(T0, None), (T0, None)], "1.start_at", "overlaps"),
    ([(T0, T0)], "0.end_at", "after"),
])
def test_gaps_overlaps_and_empty_schedules_are_refused(
    spans: list[tuple[datetime, datetime | None]], field: str, word: str
) -> None:
    """By the place of the one at fault."""
    with pytest.raises(Refusal, match=word) as caught:
        periods.chained(spans)
    assert caught.value.field == field


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"])
STARTS = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0))
LENGTHS = st.builds(Length, st.sampled_from(periods.UNITS), st.integers(1, 13))
RHYTHMS = st.builds(Rhythm, STARTS, LENGTHS, ZONES.map(ZoneInfo), st.sampled_from(["EXACT", "CALENDAR"]))


@LAW
@given(RHYTHMS)
def test_periods_tile_time_without_gap_or_overlap(of: Rhythm) -> None:
    """Each begins where the last ends, the first where the subscription does; none is empty."""
    found = list(islice(periods.series(of), 14))
    assert found[0].start == of.start
    for one, other in pairwise(found):
        assert one.start < one.end == other.start
        assert one.whole_start <= one.start
        assert one.end <= one.whole_end


@LAW
@given(RHYTHMS, st.integers(0, 4000))
def test_the_period_at_a_moment_holds_it_and_is_one_of_the_series(of: Rhythm, days: int) -> None:
    """Found without counting from the beginning, yet the same."""
    moment = of.start + timedelta(days=days, hours=5)
    period = periods.period_at(of, moment)
    assert period.start <= moment < period.end
    assert periods.period_at(of, period.start) == period
    assert periods.period_at(of, period.end - timedelta(seconds=1)) == period


@LAW
@given(STARTS, ZONES, st.integers(1, 30))
def test_the_day_returns_after_short_months(start: datetime, zone: str, count: int) -> None:
    """EXACT months keep the day of the start wherever the month has it."""
    of = Rhythm(start, MONTH, ZoneInfo(zone))
    for period in islice(periods.series(of), count):
        day, first = period.start.astimezone(of.zone), start.astimezone(of.zone)
        last = (day.replace(day=28) + 4 * DAY).replace(day=1) - DAY
        assert abs(day.day - min(first.day, last.day)) <= (1 if zone == "Pacific/Apia" else 0)


@LAW
@given(STARTS, LENGTHS, ZONES, st.lists(st.integers(0, 400), max_size=4))
def test_parts_of_a_period_share_all_of_its_price(start: datetime, length: Length, zone: str, cuts: list[int]) -> None:
    """Wherever schedules change within a period, the fractions of the parts add up to the fraction of the period."""
    of = Rhythm(start, length, ZoneInfo(zone), "CALENDAR")
    period = periods.period_at(of, start)
    edges = sorted({period.start, period.end, *(min(period.start + timedelta(hours=7 * cut), period.end) for cut in cuts)})
    parts = [periods.fraction(one, other, period, of.zone) for one, other in pairwise(edges)]
    assert sum(parts) == periods.fraction(period.start, period.end, period, of.zone)


@LAW
@given(RHYTHMS, st.integers(0, 40))
def test_a_cut_period_keeps_its_whole(of: Rhythm, days: int) -> None:
    """A subscription's end shortens the last period and nothing else."""
    period = periods.period_at(of, of.start)
    short = periods.cut(period, of.start + days * DAY)
    assert short.start <= short.end <= period.end
    assert (short.whole_start, short.whole_end) == (period.whole_start, period.whole_end)
    assert periods.cut(period, None) == period == periods.cut(period, period.end + DAY)
    assert isinstance(short, Period)
