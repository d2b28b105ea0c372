"""Tests of single parts, without processes of the lab's own."""
