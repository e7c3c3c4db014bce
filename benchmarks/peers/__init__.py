"""Open systems that put live speech into words, under the same load as ours: see `README.md` beside this file."""
