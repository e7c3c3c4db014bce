"""Sound in, sound out; of ours it knows `engine` only."""
