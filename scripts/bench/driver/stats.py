"""Medians, ratios pair by pair, bounds, and figures that are never rounded in our favor."""

import decimal
import statistics


def median(values):
    """The middle value; of an even number of values the mean of the two in the middle."""
    if not values:
        raise ValueError("no values, no median")
    return statistics.median(values)


def ratios(values, others):
    """The ratio of each value to the other that was measured in the same round.

    What disturbs the machine for a while disturbs both of a pair, so their ratio holds better than
    a ratio of two medians.
    """
    if len(values) != len(others):
        raise ValueError(f"{len(values)} values cannot be paired with {len(others)}")
    return [value / other for value, other in zip(values, others)]


class Bound:
    """`<= 1.05` or `>= 0.95`."""

    def __init__(self, text):
        operator, _, number = text.partition(" ")
        if operator not in ("<=", ">="):
            raise ValueError(f'a bound is "<= NUMBER" or ">= NUMBER", not "{text}"')
        self.text = text
        self.at_most = operator == "<="
        self.number = float(number)

    def holds(self, value):
        return value <= self.number if self.at_most else value >= self.number

    def __str__(self):
        return self.text.replace("<=", "≤").replace(">=", "≥")


def rounded(value, digits, bound=None):
    """The value as text. With a bound it is rounded towards missing it: 1.0501 shows as 1.051,
    never as 1.05.
    """
    if bound is None:
        rounding = decimal.ROUND_HALF_EVEN
    elif bound.at_most:
        rounding = decimal.ROUND_CEILING
    else:
        rounding = decimal.ROUND_FLOOR
    step = decimal.Decimal(1).scaleb(-digits)
    # A float's repr is the shortest decimal that names it. The float itself may lie a little above:
    # 1.05 is 1.0500000000000000444 and would show as 1.051.
    exact = decimal.Decimal(repr(float(value)))
    return format(exact.quantize(step, rounding=rounding), ",f")
