"""The slow server: a small application, twice (WSGI and ASGI), gunicorn's settings for it, and what scenarios add."""
