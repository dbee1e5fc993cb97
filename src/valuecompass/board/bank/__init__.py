"""The item bank as a board shows it: what items tell, their forms, their lineage."""
