"""Signing schemes: published vectors, other people's implementations, and laws over generated deliveries."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.webhooks.signing import (
    PROFILES,
    BadSecret,
    Profile,
    ProfileFault,
    Unverified,
    new_secret,
    profile_named,
    profile_of,
    sign,
    verify,
)

NOW = datetime(2025, 5, 6, 10, 30, tzinfo=UTC)
MINUTES = timedelta(minutes=5)
SIGNING = [profile for profile in PROFILES.values() if profile.header]
SLACK = profile_of({
    "name": "slack", "header": "X-Slack-Signature", "signed": "v0:{timestamp}:{body}", "mark": "v0=", "stamp_header": "X-Slack-Request-Timestamp",
})  # fmt: skip
TIMED = [profile for profile in [*SIGNING, SLACK] if profile.timed]
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def secret_of(profile: Profile, seed: int = 1) -> str:
    """Some secret of the scheme's shape."""
    return new_secret(profile, hashlib.sha256(bytes([seed])).digest())


def signed(profile: Profile, body: bytes = b'{"a":1}', *secrets: str, at: datetime = NOW) -> dict[str, str]:
    """The headers of a delivery."""
    return dict(sign(profile, secrets or (secret_of(profile),), "msg_1", at, body))


def reason(profile: Profile, headers: Mapping[str, str], body: bytes = b'{"a":1}', *secrets: str, now: datetime = NOW) -> str | None:
    """Why a delivery is not believed, or None."""
    try:
        verify(profile, secrets or (secret_of(profile),), headers, body, now, MINUTES)
    except Unverified as refused:
        assert str(refused)
        return refused.reason
    return None


class TestPublishedVectors:
    def test_standard_webhooks(self) -> None:
        """The vector all its libraries test with."""
        headers = sign(
            PROFILES["standard-webhooks"], ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek",
            datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}',
        )  # fmt: skip
        assert headers == [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ]

    def test_github(self) -> None:
        """The example of its guide to validating deliveries."""
        headers = dict(sign(PROFILES["github"], ["It's a Secret to Everybody"], "1", NOW, b"Hello, World!"))
        assert headers["X-Hub-Signature-256"] == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    def test_a_table_of_ones_own_signs_as_slack_does(self) -> None:
        """The worked example of Slack's guide to verifying requests, by a scheme that is only a row."""
        body = (
            b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
            b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J"
            b"%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
        )
        headers = dict(sign(SLACK, ["8f742231b10e8888abcd99yyyzzz85a5"], "1", datetime.fromtimestamp(1531420618, UTC), body))
        assert headers == {
            "X-Slack-Request-Timestamp": "1531420618",
            "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        }

    def test_stripe_by_its_documented_recipe(self) -> None:
        """`t=` and `v1=` of the time, a dot and the body; the secret is the key as it stands, prefix included."""
        header = dict(sign(PROFILES["stripe"], ["whsec_abc"], "", NOW, b"{}"))["Stripe-Signature"]
        digest = hmac.new(b"whsec_abc", b"1746527400.{}", hashlib.sha256).hexdigest()
        assert header == f"t=1746527400,v1={digest}"

    def test_solvimon_by_its_documented_recipe(self) -> None:
        """HmacSHA256 of the ISO time, a dot and the body, in upper-case hex, the version before it."""
        digest = hmac.new(b"secret", b"2025-05-06T10:30:00Z.{}", hashlib.sha256).hexdigest().upper()
        assert sign(PROFILES["solvimon"], ["secret"], "", NOW, b"{}") == [
            ("X-PAYLOAD-SIGNATURE-TIMESTAMP", "2025-05-06T10:30:00Z"),
            ("X-PAYLOAD-SIGNATURE", f"v1={digest}"),
        ]

    def test_without_a_scheme_nothing_is_signed_and_all_is_believed(self) -> None:
        """`none` is a scheme too."""
        assert sign(PROFILES["none"], ["s"], "x", NOW, b"") == []
        verify(PROFILES["none"], [], {}, b"", NOW)


class TestTheStandardWebhooksPackage:
    def test_it_verifies_what_is_signed_here(self) -> None:
        """Also during a roll, when two secrets sign."""
        profile, now = PROFILES["standard-webhooks"], datetime.now(UTC)
        old, new = secret_of(profile, 1), secret_of(profile, 2)
        for secrets in ([new], [new, old]):
            headers = dict(sign(profile, secrets, "msg_1", now, b'{"a":1}'))
            for secret in secrets:
                assert standardwebhooks.Webhook(secret).verify(b'{"a":1}', headers) == {"a": 1}

    @settings(deadline=None)
    @given(IDS, st.text(st.characters(exclude_categories=["Cs"])), st.binary(min_size=24, max_size=64))
    def test_it_signs_what_is_verified_here(self, id: str, body: str, key: bytes) -> None:
        """The same text of the same secret, id, time and body."""
        profile = PROFILES["standard-webhooks"]
        secret = new_secret(profile, key)
        signature = standardwebhooks.Webhook(secret).sign(id, NOW, body)
        headers = {"webhook-id": id, "webhook-timestamp": "1746527400", "webhook-signature": signature}
        verify(profile, [secret], headers, body.encode(), NOW, MINUTES)
        assert dict(sign(profile, [secret], id, NOW, body.encode())) == headers


class TestLaws:
    @settings(deadline=None)
    @given(st.sampled_from([*SIGNING, SLACK]), IDS, st.binary(max_size=200), st.binary(min_size=1, max_size=64), st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))
    def test_what_is_signed_verifies(self, profile: Profile, id: str, body: bytes, key: bytes, at: datetime) -> None:
        """Whatever the bytes are."""
        secret, moment = new_secret(profile, key), at.replace(tzinfo=UTC)
        verify(profile, [secret], dict(sign(profile, [secret], id, moment, body)), body, moment, MINUTES)

    @settings(deadline=None)
    @given(st.sampled_from([*SIGNING, SLACK]), st.binary(min_size=1, max_size=80), st.data())
    def test_a_flipped_bit_of_the_body_does_not(self, profile: Profile, body: bytes, data: st.DataObject) -> None:
        """Any one."""
        position, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
        flipped = bytes(byte ^ (1 << bit) if index == position else byte for index, byte in enumerate(body))
        assert reason(profile, signed(profile, body), flipped) == "no_match"

    @settings(deadline=None)
    @given(st.sampled_from([*SIGNING, SLACK]), st.data())
    def test_nor_does_a_flipped_bit_of_a_header(self, profile: Profile, data: st.DataObject) -> None:
        """In the signature, its time, or a signed id; but hex may be in either case."""
        headers = signed(profile)
        names = [name for name in headers if name != profile.id_header or "{id}" in profile.signed]
        name = data.draw(st.sampled_from(names))
        text = headers[name]
        position, bit = data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(0, 6))
        flipped = text[:position] + chr(ord(text[position]) ^ (1 << bit)) + text[position + 1 :]
        same = flipped.lower() == text.lower() and profile.encoding != "base64" and flipped.startswith((profile.mark, profile.stamp_mark))
        if (name == profile.header and same and flipped.rpartition("=")[0] == text.rpartition("=")[0]) or (name == profile.header and flipped.strip(" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f,;") == text):
            assert reason(profile, {**headers, name: flipped}) is None
        else:
            assert reason(profile, {**headers, name: flipped}) is not None

    @settings(deadline=None)
    @given(st.sampled_from([*SIGNING, SLACK]), st.dictionaries(st.sampled_from(sorted({name for one in SIGNING for name in (one.header, one.stamp_header, one.id_header) if name})), st.text(max_size=80)))
    def test_nonsense_is_refused_with_a_reason(self, profile: Profile, headers: dict[str, str]) -> None:
        """Never another exception, whatever the headers hold."""
        assert reason(profile, headers) is not None

    @pytest.mark.parametrize("profile", SIGNING, ids=lambda one: one.name)
    def test_another_secret_does_not(self, profile: Profile) -> None:
        """The message does not hold either."""
        with pytest.raises(Unverified) as refused:
            verify(profile, [secret_of(profile, 2)], signed(profile), b'{"a":1}', NOW, MINUTES)
        assert refused.value.reason == "no_match"
        assert secret_of(profile, 2) not in str(refused.value)


class TestRolling:
    @pytest.mark.parametrize("profile", [one for one in SIGNING if one.separator], ids=lambda one: one.name)
    def test_during_a_roll_either_secret_verifies(self, profile: Profile) -> None:
        """Both signatures are sent; who knows one secret, or both, believes."""
        old, new, other = (secret_of(profile, seed) for seed in (1, 2, 3))
        headers = signed(profile, b"{}", new, old)
        assert headers[profile.header].count(profile.mark) == 2
        for known in ([old], [new], [new, old], [other, old]):
            assert reason(profile, headers, b"{}", *known) is None
        assert reason(profile, headers, b"{}", other) == "no_match"

    def test_a_scheme_with_room_for_one_signature_signs_with_the_newest(self) -> None:
        """GitHub's header holds one."""
        headers = signed(PROFILES["github"], b"{}", "new", "old")
        assert reason(PROFILES["github"], headers, b"{}", "new") is None
        assert reason(PROFILES["github"], headers, b"{}", "old") == "no_match"

    def test_signatures_of_other_versions_are_passed_over(self) -> None:
        """A receiver believes the version it knows."""
        profile = PROFILES["standard-webhooks"]
        headers = signed(profile)
        headers[profile.header] = f"v1a,abc {headers[profile.header]} v2,def"
        assert reason(profile, headers) is None

    def test_no_secret_means_no_signature(self) -> None:
        """And nothing to believe with."""
        profile = PROFILES["solvimon"]
        assert [name for name, _ in sign(profile, [], "x", NOW, b"")] == [profile.stamp_header]
        with pytest.raises(Unverified) as refused:
            verify(profile, [], signed(profile), b"", NOW)
        assert refused.value.reason == "no_secret"


class TestAge:
    @pytest.mark.parametrize("profile", TIMED, ids=lambda one: one.name)
    @pytest.mark.parametrize(("age", "expected"), [(-301, "early"), (-300, None), (0, None), (300, None), (301, "stale")])
    def test_an_old_delivery_is_refused_and_one_of_the_future_too(self, profile: Profile, age: int, expected: str | None) -> None:
        """To the second, on either side."""
        assert reason(profile, signed(profile), now=NOW + timedelta(seconds=age)) == expected

    def test_the_tolerance_is_the_schemes_own_unless_given(self) -> None:
        """Five minutes in all the known ones."""
        profile = PROFILES["stripe"]
        later = NOW + timedelta(minutes=6)
        verify(profile, [secret_of(profile)], signed(profile), b'{"a":1}', later, timedelta(minutes=7))
        with pytest.raises(Unverified, match="signed 360 s ago; 300 s are allowed"):
            verify(profile, [secret_of(profile)], signed(profile), b'{"a":1}', later)

    @pytest.mark.parametrize("stamp", ["soon", "1e9", "-5", "²", "1614265330.5", "99999999999999999999", "2025-05-06"])
    @pytest.mark.parametrize("profile", [one for one in TIMED if one.stamp_header], ids=lambda one: one.name)
    def test_what_is_no_time_is_malformed(self, profile: Profile, stamp: str) -> None:
        """Never compared, never a crash."""
        assert reason(profile, {**signed(profile), profile.stamp_header: stamp}) == "malformed"


class TestMissing:
    @pytest.mark.parametrize("profile", SIGNING, ids=lambda one: one.name)
    def test_each_needed_header_is_named_when_it_is_missing(self, profile: Profile) -> None:
        """Also when it is there and empty; an id that is not signed is not needed."""
        for name in signed(profile):
            needed = name != profile.id_header or "{id}" in profile.signed
            for headers in ({**signed(profile), name: " "}, {other: value for other, value in signed(profile).items() if other != name}):
                assert reason(profile, headers) == ("missing_header" if needed else None)

    def test_header_names_have_no_case(self) -> None:
        """RFC 9110 section 5.1."""
        headers = {name.swapcase(): value for name, value in signed(PROFILES["solvimon"]).items()}
        assert reason(PROFILES["solvimon"], headers) is None

    def test_a_header_without_a_signature_says_what_one_looks_like(self) -> None:
        """Such as one of another scheme."""
        with pytest.raises(Unverified, match="v1=6DEA8E…"):
            verify(PROFILES["solvimon"], ["s"], {**signed(PROFILES["solvimon"]), "X-PAYLOAD-SIGNATURE": "abc"}, b"", NOW)

    def test_a_time_missing_among_the_signatures_is_said(self) -> None:
        """Stripe's stands there."""
        assert reason(PROFILES["stripe"], {"Stripe-Signature": "v1=00"}) == "missing_header"


class TestSecrets:
    @pytest.mark.parametrize("profile", SIGNING, ids=lambda one: one.name)
    def test_a_new_secret_has_the_schemes_shape(self, profile: Profile) -> None:
        """The same bytes give the same secret."""
        secret = new_secret(profile, bytes(range(24)))
        assert secret.startswith(profile.secret_prefix)
        assert secret == new_secret(profile, bytes(range(24)))
        assert reason(profile, signed(profile, b"", secret), b"", secret) is None

    def test_the_key_is_decoded_where_the_scheme_says_so(self) -> None:
        """With or without the prefix, padded or not."""
        profile = PROFILES["standard-webhooks"]
        text = base64.b64encode(b"0123456789").decode()
        headers = signed(profile, b"{}", f"whsec_{text}")
        assert all(reason(profile, headers, b"{}", secret) is None for secret in (text, text.rstrip("="), f"whsec_{text}"))

    @pytest.mark.parametrize("secret", ["whsec_§", "whsec_a b", "whsec_", "whsec_A"])
    def test_a_secret_that_is_none_is_refused_without_showing_it(self, secret: str) -> None:
        """Said by its shape."""
        with pytest.raises(BadSecret) as refused:
            sign(PROFILES["standard-webhooks"], [secret], "x", NOW, b"")
        assert secret.removeprefix("whsec_") in ("", "A") or secret.removeprefix("whsec_") not in str(refused.value)

    def test_an_id_cannot_smuggle_a_header(self) -> None:
        """No line end goes into one."""
        with pytest.raises(ValueError, match="cannot stand in a header"):
            sign(PROFILES["github"], ["s"], "a\r\nX: y", NOW, b"")


class TestOnesOwn:
    def test_a_row_may_stand_on_a_known_scheme(self) -> None:
        """Only what differs is said."""
        svix = profile_of({"like": "standard-webhooks", "header": "svix-signature", "stamp_header": "svix-timestamp", "id_header": "svix-id", "tolerance": "10m"})
        assert svix.mark == "v1," and svix.tolerance == timedelta(minutes=10)
        assert reason(svix, signed(svix)) is None

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ({"header": "X-Sig", "algoritm": "sha256"}, "algoritm: unknown"),
            ({"header": "X-Sig", "algorithm": "md5"}, "algorithm: must be one of sha1, sha256"),
            ({"header": "X Sig"}, "header: must be the name of a header"),
            ({"header": "X-Sig", "signed": "{payload}"}, "signed: must be made of {body}"),
            ({"header": "X-Sig", "signed": "{body.__class__}"}, "signed: must be made of {body}"),
            ({"header": "X-Sig", "signed": "{body!r:>9}"}, "signed: must be made of {body}"),
            ({"header": "X-Sig", "signed": "{body"}, "signed: must be made of {body}"),
            ({"header": "X-Sig", "signed": "{timestamp}.{body}"}, "signed: has {timestamp}, so stamp_header or stamp_mark is needed"),
            ({"header": "X-Sig", "signed": "{id}.{body}"}, "signed: has {id}, so id_header is needed"),
            ({"header": "X-Sig", "stamp_mark": "t="}, "stamp_mark: the time stands among the signatures, so separator is needed"),
            ({"header": "X-Sig", "stamp_mark": "t=", "stamp_header": "X-T", "separator": ","}, "not in both"),
            ({"header": "X-Sig", "encoding": 3}, "encoding: must be text, not 3"),
            ({"header": "X-Sig", "tolerance": "a while"}, "tolerance: must be a length of time, such as 5m"),
            ({"header": "X-Sig", "mark": "v\n"}, "mark: must be printable ASCII"),
            ({"header": "X-Sig", "like": "acme"}, "like: must be one of none"),
            ({}, "header: is needed"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_said_by_key(self, row: dict[str, Any], said: str) -> None:
        """With what would be right."""
        with pytest.raises(ProfileFault) as refused:
            profile_of(row)
        assert said in str(refused.value)

    def test_all_faults_are_said_at_once(self) -> None:
        """One reading is enough to mend a row."""
        with pytest.raises(ProfileFault) as refused:
            profile_of({"header": "a b", "encoding": "x", "colour": "red"})
        assert len(refused.value.faults) == 3

    def test_an_unknown_name_is_answered_with_the_known_ones(self) -> None:
        """By name as by row."""
        assert profile_named("github") is PROFILES["github"]
        with pytest.raises(ProfileFault, match="there are none, solvimon, standard-webhooks, stripe, github"):
            profile_named("git-hub")
