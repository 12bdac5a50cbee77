"""The front door: listeners, HTTP, TLS, dispatch, admin doors."""
