"""In front of a real API: what goes by is passed on, held to the contract, kept, and learned from."""
