"""What a cart costs: exact decimal arithmetic, no input and no output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
MAX_QUANTITY = 10_000
MAX_UNIT = Decimal(1_000_000)
UNIT_PLACES = 6
BULK_QUANTITY = 10
BULK_DISCOUNT = Decimal("0.05")


def to_cents(amount: Decimal) -> Decimal:
    """Round to cents, half a cent upwards."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class Line:
    """A number of equal pieces at one unit price."""

    quantity: int
    unit: Decimal

    def __post_init__(self) -> None:
        if not 1 <= self.quantity <= MAX_QUANTITY:
            raise ValueError(f"quantity must be from 1 to {MAX_QUANTITY}, not {self.quantity}")
        if not self.unit.is_finite() or not 0 <= self.unit <= MAX_UNIT:
            raise ValueError(f"unit must be from 0 to {MAX_UNIT}, not {self.unit}")
        if self.unit != round(self.unit, UNIT_PLACES):
            raise ValueError(f"unit must have at most {UNIT_PLACES} decimal places")

    @property
    def full(self) -> Decimal:
        """The price before any discount."""
        return to_cents(self.quantity * self.unit)

    @property
    def discount(self) -> Decimal:
        """What is taken off for quantity."""
        if self.quantity < BULK_QUANTITY:
            return Decimal("0.00")
        return to_cents(self.full * BULK_DISCOUNT)

    @property
    def total(self) -> Decimal:
        """What is to be paid."""
        return self.full - self.discount


def cart_total(lines: Iterable[Line]) -> Decimal:
    """The sum over lines, each rounded by itself, as it stands on the bill."""
    return sum((line.total for line in lines), Decimal("0.00"))
