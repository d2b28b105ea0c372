"""Set-up: environments in the checkout; standard library only, because this runs before anything is installed.

`bootstrap` makes `.venv` and goes on in it, `marker` is what that says of itself. `pythons` makes one more for each
interpreter of a comparison. Both run `steps`, and `failures` puts what went wrong with one into words. `wheels` is the
step that installs where a wheel may be missing, in containers too.
"""
