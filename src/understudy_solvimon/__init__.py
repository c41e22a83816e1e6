"""Billing as the Solvimon API does it: pure arithmetic, and one adapter (`sandbox`) that knows an engine exists."""
