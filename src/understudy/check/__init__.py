"""The contract held against an implementation: schemathesis, laws, drift, reports."""
