"""understudy: a stand-in for any HTTP API, driven by its OpenAPI document."""

__version__ = "0.1.0"
