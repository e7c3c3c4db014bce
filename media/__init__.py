"""Sound in, sound out; of ours it knows `engine` only."""

import engine as engine  # what it sets must stand before any library is imported
