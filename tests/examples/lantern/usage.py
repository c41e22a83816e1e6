"""Pages printed, reported to the billing API: each job once, however often it has to be said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

TRIES = 5
AGAIN = frozenset({429, 502, 503, 504})


class NotReported(Exception):
    """It could not be said, however often it was tried; say it again later, under the same name."""


class UsageReporter:
    """Says what was printed. The job's name is the event's reference: the API counts it once, so saying it twice does no harm."""

    def __init__(self, http: httpx.Client, pause: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._pause = pause

    def printed(self, account: str, job: str, pages: int) -> dict[str, Any]:
        """Report a job. Raises NotReported, or httpx.HTTPStatusError for what no further try would mend."""
        event = {"meter_reference": "print_jobs", "customer_reference": account, "reference": job, "meter_values": [{"reference": "pages", "number": str(pages)}]}
        for attempt in range(TRIES):
            try:
                answer = self._http.post("/v1/ingest/meter-data", json=event)
            except httpx.TransportError:  # nobody knows whether it arrived
                self._pause(2.0**attempt)
                continue
            if answer.status_code not in AGAIN:
                told: dict[str, Any] = answer.raise_for_status().json()
                return told
            self._pause(float(answer.headers.get("retry-after", 2.0**attempt)))
        raise NotReported(job)

    def is_billed(self, told: dict[str, Any]) -> bool:
        """Whether a reported job found its price; one that did not waits for `find_prices_for`."""
        kept = self._http.get(f"/v1/ingest/meter-data/{told['id']}").raise_for_status().json()
        return bool(kept["processed_details"]["type"] != "NOT_MATCHED")

    def find_prices_for(self, account: str, since: str) -> int:
        """Have the account's jobs looked at anew that nobody could price; how many there were."""
        customer = self._http.get(f"/v1/customers/{account}").raise_for_status().json()
        asked = {"type": "NOT_MATCHED", "not_matched": {"customer_id": customer["id"], "start_at": since}}
        return int(self._http.post("/v1/reprocess", json=asked).raise_for_status().json()["number_of_events"])
