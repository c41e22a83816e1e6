"""Tests of the contract: one file for each module."""
