"""Composition: one call is one task group that turns sound into facts and facts into help."""
