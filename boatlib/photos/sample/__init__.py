"""The drawn sample photos. Imported only when they are drawn."""
