"""What results look like: tables, reports, plots."""
