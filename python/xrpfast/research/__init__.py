"""Research: recorded data through the live books and strategies; reads, never trades."""
