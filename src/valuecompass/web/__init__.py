"""The web platform: an API over a workspace, and the pages that show it."""
