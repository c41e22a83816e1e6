"""Webhooks without input or output: signing schemes, destinations, replays; what is due when is for others to send."""
