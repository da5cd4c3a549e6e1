"""Stamps that speak by an authority of the test's making."""

from bus.envelope import Stamp, Token


def stamp_under(token: Token, instance: str, site: str, incarnation: int) -> Stamp:
    """A stamp whose envelopes name this token."""
    stamp = Stamp(instance, site, incarnation)
    stamp.speaks_for(lambda: token)
    return stamp
