"""What a user can mend."""

from __future__ import annotations


class ProfileError(Exception):
    """A message for the user: the field, its value, and the mend."""
