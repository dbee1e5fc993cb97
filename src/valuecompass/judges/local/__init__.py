"""The free judge: a sentence encoder with trained heads, or with definitions only."""
