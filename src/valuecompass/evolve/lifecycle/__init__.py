"""The life of a bank: forms from it, items that retire, seasons that renew it."""
