"""Media workers: RTP heard in processes of their own, each with its share of the ports, when one core is not enough.

The engine's side is `pool` (whom signalling asks), a `keeper` of calls for each worker with the `line` to its process,
and `session` (what pipelines read); the worker's is `process`. They share `rings` of sound, and say to each other what
is in `wire`.
"""
