# /// script
# requires-python = ">=3.11"
# ///
"""Which plants on the balcony need water today.

Runs every morning at 06:30 on the little computer in the hall. Rain counts: with more than 4 mm
since yesterday, only the pots under the roof are watered.
"""

import sys
from dataclasses import dataclass

ENOUGH_RAIN_MM = 4.0
DRY_BELOW_PERCENT = 35


@dataclass(frozen=True)
class Plant:
    """A pot, and how much it gets: `moisture` is in percent, `amount_ml` in millilitres."""

    name: str
    moisture: int
    amount_ml: int
    under_roof: bool


def needs_water(plant: Plant, rain_mm: float) -> bool:
    """Whether the plant is dry, and the rain has not done the work."""
    if rain_mm > ENOUGH_RAIN_MM and not plant.under_roof:
        return False
    return plant.moisture < DRY_BELOW_PERCENT


PLANTS = (
    Plant("tomatoes", moisture=28, amount_ml=900, under_roof=True),
    Plant("rosemary", moisture=41, amount_ml=250, under_roof=True),
    Plant("lemon tree", moisture=33, amount_ml=600, under_roof=False),
)

if __name__ == "__main__":
    rain_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    for each in PLANTS:
        if needs_water(each, rain_mm):
            sys.stdout.write(f"{each.name}: {each.amount_ml} ml\n")
