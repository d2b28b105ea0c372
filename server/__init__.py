"""The slow server: a small application, twice (WSGI and ASGI), and gunicorn's settings for it."""
