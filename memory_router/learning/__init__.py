"""Learn better routes from what was asked, and change nothing without the user's approval (seed 000)."""
