"""A plan as tables and sentences that people read."""
