"""Set-up: `.venv` in the checkout, before anything is installed; standard library only.

`bootstrap` makes it and goes on in it, `marker` is what it says of itself, `failures` puts what went wrong into words.
"""
