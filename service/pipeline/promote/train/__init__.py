"""The train: its plan, read in bulk, and doing exactly that plan. Called by the actions on promotions."""
