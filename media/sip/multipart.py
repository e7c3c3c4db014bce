"""MIME bodies of SIP messages (RFC 5621), as session border controllers really write them."""

import dataclasses
import re

MAX_PARTS = 16


@dataclasses.dataclass(frozen=True)
class Part:
    """One body part."""

    content_type: str
    """Lower case, without parameters; empty when the part does not say."""
    disposition: str
    body: bytes


def split_body(content_type: str, body: bytes) -> tuple[Part, ...]:
    """The parts of a multipart body, or the body as one part.

    Takes blanks and quotes at `boundary=`, a blank line before the first boundary, bare LF and a missing closing
    boundary; a multipart type without a boundary is read by the first line that looks like one. Raises `ValueError` on
    more than 16 parts, or when a multipart body holds none."""
    kind = content_type.partition(";")[0].strip().lower()
    if not kind.startswith("multipart/"):
        return (Part(kind, "", body),) if body.strip() else ()
    boundary = _boundary(content_type, body)
    pieces = re.split(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?=\r?\n|\Z)", body)
    parts = tuple(_part(piece) for piece in pieces[1:] if piece.strip())
    if not parts or len(parts) > MAX_PARTS:
        raise ValueError("multipart body is not valid")
    return parts


def _boundary(content_type: str, body: bytes) -> bytes:
    named = re.search(r';\s*boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))', content_type, re.IGNORECASE)
    if named:
        return (named[1] or named[2]).encode("latin-1", "replace")
    first = re.search(rb"(?:\A|\n)--([^\s]{1,70})[ \t]*\r?\n", body)
    if first is None:
        raise ValueError("multipart body has no boundary")
    return first[1]


def _part(piece: bytes) -> Part:
    piece = re.sub(rb"\A\r?\n", b"", piece)
    head, _, body = _at_blank_line(piece)
    headers = {}
    for line in re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines():
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.decode("latin-1").strip()
    kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
    disposition = headers.get(b"content-disposition", "").partition(";")[0].strip().lower()
    return Part(kind, disposition, body)


def _at_blank_line(piece: bytes) -> tuple[bytes, bytes, bytes]:
    found = re.search(rb"(?:\A|\r?\n)[ \t]*\r?\n", piece)
    if found is None:
        return b"", b"", piece
    return piece[: found.start()], found[0], piece[found.end() :]


def join_parts(boundary: str, *parts: tuple[tuple[tuple[str, str], ...], bytes]) -> bytes:
    """A multipart body of (headers, body) pairs."""
    out = b""
    for headers, body in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        out += f"--{boundary}\r\n{head}\r\n".encode() + body + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()
