"""How good a judge is on labels, and what follows for the scores."""
