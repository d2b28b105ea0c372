"""Approaches, one per file: a plain module with ``main(urls)`` or ``async def main(urls)``."""
