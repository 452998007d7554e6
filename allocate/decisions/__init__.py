"""What a plan decides: one file per kind of decision."""
