"""The ways in: each may import every room, and nothing imports them."""
