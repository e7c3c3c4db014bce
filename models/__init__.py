"""Turns facts into facts; of ours it knows `engine.facts` and `engine.ports` only."""
