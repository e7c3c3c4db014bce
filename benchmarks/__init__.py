"""What `make bench` runs: cells of at most ten minutes, each printing a table and leaving a JSON file in `results/`."""

import engine as engine  # before any library is in: see there
