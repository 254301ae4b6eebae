"""An application as a user has it, and the simulated tests that find what is wrong with it."""
