"""The moves of a shipment, and what the model takes: run with ``python -m unittest``."""

import unittest

from pydantic import ValidationError
from shipments.model import Changes, NewShipment, can_move

NEW = {"reference": " WB-1 ", "origin": "DKCPH", "destination": "USNYC", "weightKg": 12}


class Model(unittest.TestCase):
    """A shipment moves forward only, and a body is taken to the letter."""

    def test_a_shipment_moves_forward_only(self) -> None:
        """It may stay as it is, and what was delivered moves no more."""
        self.assertTrue(can_move("created", "in_transit"))
        self.assertTrue(can_move("delivered", "delivered"))
        self.assertFalse(can_move("delivered", "created"))

    def test_a_reference_is_trimmed(self) -> None:
        """Blanks at its ends are not part of it."""
        self.assertEqual(NewShipment.model_validate(NEW).reference, "WB-1")

    def test_a_number_is_no_text_and_a_change_changes_something(self) -> None:
        """Both are refused."""
        for model, given in ((NewShipment, {**NEW, "weightKg": "12"}), (Changes, {})):
            with self.assertRaises(ValidationError):
                model.model_validate(given)
