"""What goes in: opening, finding, cataloguing, comparing and splitting photos."""
