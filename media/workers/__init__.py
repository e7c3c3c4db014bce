"""Media workers: RTP heard in processes of their own, each with its share of the ports, when one core is not enough.

The engine's side is `pool` (whom signalling asks) and `session` (what pipelines read); a worker's is `process`. They
share `rings` of sound, and say to each other what is in `wire`.
"""
