"""What is shown of measurements: boards, comparisons, cultures, persons, health, the page."""
