"""The means of showing: pieces of pages, tables, charts, galleries. No topic is in it."""
