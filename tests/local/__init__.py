"""Tests of real servers and clients on this machine."""
