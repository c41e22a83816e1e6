"""The laws: properties every implementation of a contract must keep, each a small function of a session and a subject."""
