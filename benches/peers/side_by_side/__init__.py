"""Measures Discovery and its peers in one run on one machine."""
