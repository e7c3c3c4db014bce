"""The seams between the packages: what a pipeline asks of media, models and the platform, and what the web asks of it.

Each module holds the protocols of one part of a call's way, beside the structures that they speak in.
"""
