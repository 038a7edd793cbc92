"""Prices, to the cent."""

from decimal import Decimal

import pytest

from shop.cart import Line, cart_total, to_cents


def test_total_is_quantity_times_unit() -> None:
    assert Line(3, Decimal("3.35")).total == Decimal("10.05")


def test_total_rounds_half_up() -> None:
    assert Line(3, Decimal("3.375")).total == Decimal("10.13")


def test_half_a_cent_goes_up() -> None:
    for exact, cents in {"0.004999": "0.00", "0.005": "0.01", "2.675": "2.68"}.items():
        assert to_cents(Decimal(exact)) == Decimal(cents)


def test_bulk_discount_starts_at_ten() -> None:
    assert Line(9, Decimal("1.10")).discount == 0
    assert Line(10, Decimal("1.10")).discount == Decimal("0.55")
    assert Line(10, Decimal("1.10")).total == Decimal("10.45")


def test_cart_adds_rounded_lines() -> None:
    assert cart_total([Line(1, Decimal("0.005")), Line(1, Decimal("0.005"))]) == Decimal("0.02")
    assert cart_total([]) == Decimal("0.00")


def test_line_refuses_nonsense() -> None:
    for quantity, unit in [(0, "1"), (10_001, "1"), (1, "-0.01"), (1, "NaN"), (1, "0.0000001")]:
        with pytest.raises(ValueError, match="must"):
            Line(quantity, Decimal(unit))
