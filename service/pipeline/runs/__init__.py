"""How a run moves: its steps, waits and ends."""
