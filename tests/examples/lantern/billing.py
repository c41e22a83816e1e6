"""What the shop asks of the billing API: sign up, change plans, read invoices, give money back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

Json = dict[str, Any]


class Billing:
    """A thin client: it knows paths and bodies, an `httpx.Client` with address and key does the rest."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def sign_up(self, account: str, plan: str, **terms: Any) -> str:
        """Take an account in and have it billed; see `subscribe`."""
        self.take_in(account)
        return self.subscribe(account, plan, **terms)

    def take_in(self, account: str) -> None:
        """Make an account known."""
        self._post("/v1/customers", {
            "reference": account, "type": "ORGANIZATION", "status": "ACTIVE", "email": f"books@{account}.example", "organization": {"legal_name": account.title()}})

    def subscribe(self, account: str, plan: str, *, card: str | None = None, code: str | None = None, trial_until: str | None = None,
                  months: int | None = None) -> str:
        """Have an account billed for a plan from the beginning of the month; the subscription's id."""
        subscription: Json = {
            "reference": f"{account}-subscription", "customer_reference": account, "billing_entity_reference": "lantern", "billing_currency": "EUR", "billing_time": "CALENDAR"}
        if months:
            subscription["initial_term"] = {"type": "MONTH", "value": months}
        if card:
            subscription["payment_method_id"] = self._store(account, card)
        begin, schedules = "2025-05-01T00:00:00Z", []
        of = {"pricing_plan_version_selector": {"pricing_plan_reference": plan}}
        if trial_until:
            schedules.append({**of, "type": "TRIAL", "start_at": begin, "end_at": trial_until})
        schedules.append({**of, "start_at": trial_until or begin, **({"promotion_codes": [code]} if code else {})})
        made = self._post("/v1/pricing-plan-subscriptions/init", {"pricing_plan_subscription": subscription, "pricing_plan_schedules": schedules})
        return str(made["pricing_plan_subscription"]["id"])

    def change_plan(self, subscription: str, plan: str, at: str) -> None:
        """Have a subscription go on with another plan from an instant."""
        self._post("/v1/pricing-plan-schedules", {
            "pricing_plan_subscription_id": subscription, "pricing_plan_version_selector": {"pricing_plan_reference": plan}, "start_at": at})

    def cancel(self, subscription: str) -> str:
        """End a subscription as early as its terms allow; when that is."""
        ended = self._post(f"/v1/pricing-plan-subscriptions/{subscription}/cancel", {"type": "AFTER_INITIAL_TERM"})
        return str(ended["inactive_periods"][-1]["start_at"])

    def change_card(self, account: str, subscription: str, card: str) -> None:
        """Charge another card from now on."""
        self._post(f"/v1/pricing-plan-subscriptions/{subscription}/update-payment-method", {"payment_method_id": self._store(account, card)})

    def pay(self, invoice: str) -> Json:
        """Charge what is open of an invoice now."""
        return self._post(f"/v1/invoices/{invoice}/pay", {})

    def invoices(self, account: str | None = None, page_size: int = 50) -> Iterator[Json]:
        """Every invoice, oldest first, however many pages they fill."""
        asked: Json = {"order_by": "created_at", "order_direction": "asc", "limit": page_size, **({"customer_reference": account} if account else {})}
        page, pages = 1, 1
        while page <= pages:
            got = self._get("/v1/invoices", {**asked, "page": page})
            yield from got["data"]
            page, pages = page + 1, got["total_number_of_pages"]

    def give_back(self, invoice: str, amount: str, why: str) -> Json:
        """Credit a part of an invoice; the credit note."""
        part = {"period_order": 1, "amount": {"quantity": amount, "currency": "EUR"}}
        return self._post(f"/v1/invoices/{invoice}/credit", {"note": why, "periods": [part]})

    def _store(self, account: str, card: str) -> str:
        customer = self._get(f"/v1/customers/{account}")
        return str(self._post("/v1/payment-methods", {"customer_id": customer["id"], "type": "CARD", "integration_reference": card})["id"])

    def _get(self, path: str, params: Json | None = None) -> Json:
        answer: Json = self._http.get(path, params=params).raise_for_status().json()
        return answer

    def _post(self, path: str, body: Json) -> Json:
        answer: Json = self._http.post(path, json=body).raise_for_status().json()
        return answer
