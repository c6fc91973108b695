"""What people see: figures, tables, galleries, sentences, widgets. Never imports torch."""
