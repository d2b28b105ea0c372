"""Runs a plan trial by trial and assembles what was measured."""
