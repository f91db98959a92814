"""One folder a venue: its bytes into domain values and back. Nothing here decides to trade."""
