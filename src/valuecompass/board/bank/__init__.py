"""The item bank as a board shows it: items, what they tell, their forms and where they come from."""
