"""What somebody has changed, for the lines of the logger `audit`."""

import msgspec


def changed(before: msgspec.Struct, after: msgspec.Struct) -> list[str]:
    """Names of the fields in which two structs of one kind differ."""
    return [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)]
