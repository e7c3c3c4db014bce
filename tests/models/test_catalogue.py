"""The catalogue says of each entry where it comes from, and is true of what is installed."""

from importlib.metadata import version

import pytest

from engine.errors import NotFound
from models.catalogue import CATALOGUE, entry


def test_every_entry_says_where_it_comes_from() -> None:
    for one in CATALOGUE:
        assert one.licence
        assert one.packages
        assert all(len(file.sha256) == 64 and file.size > 0 and file.parts for file in one.files)


def test_the_installed_packages_are_the_pinned_ones() -> None:
    for one in CATALOGUE:
        for package in one.packages:
            assert version(package.distribution) == package.version


def test_an_unknown_name_is_told_the_names_there_are() -> None:
    with pytest.raises(NotFound, match="sentence-encoder"):
        entry("no-such-model")
