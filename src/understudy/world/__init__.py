"""State: the store, the clock, snapshots, fixtures."""
