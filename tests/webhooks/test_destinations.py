"""Where outgoing requests may go."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.problems import Problem
from understudy.webhooks.destinations import allowed, reachable


class TestUrls:
    @pytest.mark.parametrize(
        "url",
        ["http://localhost:3000/hooks", "http://127.0.0.1", "https://127.8.9.10:8443/a?b=c", "http://[::1]:80/", "http://app.localhost/", "HTTP://LOCALHOST",
         "http://localhost./x", "http://[::ffff:127.0.0.1]/"],
    )  # fmt: skip
    def test_this_machine_is_allowed(self, url: str) -> None:
        """Loopback addresses, and the names kept for them."""
        assert allowed(url) is None

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("", "must be a URL"),
            ("localhost:3000", "must begin with http:// or https://"),
            ("ftp://localhost/", "must begin with http:// or https://, not ftp"),
            ("file:///etc/passwd", "not file"),
            ("http:///hooks", "must name a host"),
            ("http://user:pass@localhost/", "no user name or password"),
            ("http://localhost@evil.example/", "no user name or password"),
            ("http://localhost:0/", "port from 1 to 65535"),
            ("http://localhost:99999/", "port from 1 to 65535"),
            ("http://localhost/a b", "without spaces"),
            ("http://localhost/\r\nX: y", "printable ASCII"),
            ("http://localhost\\@evil.example/", "printable ASCII"),
            ("http://[::1/", "must be a URL"),
            ("http://bücher.example/", "printable ASCII"),
            ("http://localhost/" + "a" * 2048, "at most 2048"),
            ("http://127.1/", "write an address in full"),
            ("http://2130706433/", "write an address in full"),
            ("http://0x7f.0.0.1/", "write an address in full"),
            ("http://0177.0.0.1/", "write an address in full"),
            ("http://example.0x1/", "write an address in full"),
            ("http://example.com/", "allow it with --allow-host example.com"),
            ("http://localhost.example.com/", "is not this machine"),
            ("http://0.0.0.0/", "is not this machine"),
            ("http://10.0.0.5/", "is not this machine"),
            ("http://169.254.169.254/latest/meta-data", "is not this machine"),
            ("http://[::ffff:10.0.0.1]/", "is not this machine"),
        ],
    )
    def test_everything_else_is_refused_with_the_reason(self, url: str, said: str) -> None:
        """As a fault of the field `url`."""
        problem = allowed(url)
        assert isinstance(problem, Problem) and problem.kind == "invalid_field" and problem.field == "url"
        assert said in problem.message

    @settings(deadline=None)
    @given(st.text())
    def test_no_text_is_too_strange(self, url: str) -> None:
        """An answer, never an exception."""
        assert allowed(url) is None or allowed(url)

    @pytest.mark.parametrize(
        ("url", "hosts", "expected"),
        [
            ("https://example.com/", ["example.com"], True),
            ("https://EXAMPLE.com./", ["Example.Com"], True),
            ("https://a.example.com/", ["example.com"], False),
            ("https://a.b.example.com/", ["*.example.com"], True),
            ("https://example.com/", ["*.example.com"], False),
            ("https://badexample.com/", ["*.example.com"], False),
            ("https://anything.example/", ["*"], True),
            ("http://10.0.0.5/", ["10.0.0.5"], True),
            ("http://10.0.0.5/", ["10.0.0.0/8"], True),
            ("http://11.0.0.5/", ["10.0.0.0/8"], False),
            ("http://10.0.0.5/", ["*"], False),
            ("http://169.254.169.254/", ["*"], False),
            ("http://[fd00::1]/", ["fd00::/8"], True),
            ("ftp://example.com/", ["*"], False),
        ],
    )
    def test_what_was_named_is_allowed(self, url: str, hosts: list[str], expected: bool) -> None:
        """Names, patterns, addresses, networks; `*` stops at private networks."""
        assert (allowed(url, hosts) is None) is expected


class TestAddresses:
    @pytest.mark.parametrize(
        ("host", "address", "hosts", "expected"),
        [
            ("localhost", "127.0.0.1", [], True),
            ("localhost", "::1", [], True),
            ("localhost", "93.184.216.34", [], False),
            ("example.com", "93.184.216.34", ["example.com"], True),
            ("example.com", "93.184.216.34", ["*"], True),
            ("app", "172.18.0.3", ["app"], True),
            ("a.example.com", "172.18.0.3", ["*.example.com"], False),
            ("a.example.com", "172.18.0.3", ["*.example.com", "172.16.0.0/12"], True),
            ("example.com", "127.0.0.1", ["*"], True),
            ("example.com", "169.254.169.254", ["example.com"], False),
            ("example.com", "::ffff:169.254.169.254", ["example.com"], False),
            ("example.com", "169.254.169.254", ["example.com", "169.254.169.254"], True),
            ("example.com", "0.0.0.0", ["example.com"], False),
            ("example.com", "nonsense", ["example.com"], False),
        ],
    )
    def test_a_name_may_not_lead_elsewhere(self, host: str, address: str, hosts: list[str], expected: bool) -> None:
        """An exact name may lie in a private network; no name leads to where a cloud keeps its keys."""
        problem = reachable(host, address, hosts)
        assert (problem is None) is expected
        assert problem is None or host in problem.message or address in problem.message
