"""The slow server: a small application (WSGI and ASGI), its gunicorn settings, and the faults of scenarios."""
