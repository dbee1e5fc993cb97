"""What a form and its dimensions are worth: reliability, wear, what can be told apart."""
