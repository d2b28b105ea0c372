"""Set-up of environments in the checkout. Standard library only, because it runs before anything is installed.

`bootstrap` makes `.venv` and continues in it; `marker` is the file in it that records how it was made. `pythons` makes
another environment for each other interpreter of a comparison. Both run `steps`; `failures` explains a step that
failed. `wheels` is the step that installs packages where a wheel may be missing, in containers too.
"""
