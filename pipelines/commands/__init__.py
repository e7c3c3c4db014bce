"""What the program `welcomedly` does for each word of its command line; `engine.command_line` knows the words.

A command takes the parsed arguments and gives the exit code. Those that need the engine are handed its class by the
composition root and know it as `RunningEngine` alone.
"""
