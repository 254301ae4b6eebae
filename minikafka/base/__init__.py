"""Vocabulary of the house: ids, errors, configs, clocks, seeds. Imports nothing of ours."""
