"""Turns facts into facts; of ours it knows `engine.facts` and `engine.ports` only."""

import engine as engine  # what it sets must stand before any library is imported
