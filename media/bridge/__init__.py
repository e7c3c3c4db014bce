"""Calls that go through us: a trunk on one side, an agent's browser or telephone on the other.

Its own process (`welcomedly bridge`): restarts of models, pipelines and the web do not touch the people who talk. To
the engine it is a SIPREC source like any other, so roles, recording, holds and transfers are told in one way.
"""
