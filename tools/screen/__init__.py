"""Grows and measures the toxicity model that ships with Mynah: data, grammars, disguises, training, calibration."""
